// Descriptors of /proc/self/status and its neighbours are what the kernel gives, and tell who one is by then.
#define _GNU_SOURCE
#include "who.h"

static char text[1 << 16];

static ssize_t all(int fd) {
    ssize_t total = 0, n;
    while ((n = read(fd, text + total, sizeof text - 1 - total)) > 0) total += n;
    text[total] = 0;
    return total;
}

static void uid_line(const char *when) {
    char *line = strstr(text, "\nUid:");
    say("%s: %.*s", when, line ? (int)strcspn(line + 1, "\n") : 0, line ? line + 1 : "");
}

static void facts_of(const char *name) {
    char path[64], link[PATH_MAX] = "", wanted[64];
    snprintf(path, sizeof path, "/proc/self/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat s, by_path;
    NEED(stat(path, &by_path));
    NEED(fstat(fd, &s));
    say("%s: %d, access %d, mode %o, size %ld, links %ld, %d:%d, same file %d", name, fd, fcntl(fd, F_GETFL) & O_ACCMODE,
        s.st_mode, (long)s.st_size, (long)s.st_nlink, s.st_uid, s.st_gid,
        s.st_dev == by_path.st_dev && s.st_ino == by_path.st_ino);
    CALL(write(fd, "x", 1));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    NEED(readlink(path, link, sizeof link - 1));
    snprintf(wanted, sizeof wanted, "/proc/%d/%s", getpid(), name);
    say("link is right: %d", !strcmp(link, wanted));
    ssize_t first = all(fd);
    NEED(lseek(fd, 0, SEEK_SET));
    say("twice as long as once: %d", all(fd) == first && first > 0);
    close(fd);
}

int main(void) {
    static const char *const names[] = {"status", "limits", "mountinfo", "mounts", "mountstats", "uid_map",
                                        "gid_map", "setgroups", "maps", "smaps"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) facts_of(names[i]);
    int fd = open("/proc/self/status", O_RDONLY);
    all(fd);
    uid_line("at first");
    NEED(setresuid(-1, 33, -1));
    NEED(lseek(fd, 0, SEEK_SET));
    all(fd);
    uid_line("by lseek");
    NEED(setresuid(-1, 0, -1));
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n] = 0;
    uid_line("by pread");
    int of_another = open("/proc/self/status", O_RDONLY);
    pid_t child = fork();
    if (child == 0) {
        NEED(setuid(44));
        NEED(lseek(of_another, 0, SEEK_SET));
        all(of_another);
        uid_line("the parent's");
        _exit(0);
    }
    reap("child", child);
    // What blocks a signal is told at once.
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    NEED(lseek(fd, 0, SEEK_SET));
    all(fd);
    char *line = strstr(text, "\nSigBlk:");
    say("%.*s", (int)strcspn(line + 1, "\n"), line + 1);
}
