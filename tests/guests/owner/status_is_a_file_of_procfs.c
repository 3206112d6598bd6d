// Descriptors of /proc/self/status and its neighbours behave like the kernel's, and show the
// identity at the time of the read.
// syscalls: openat read lseek pread64
#define _GNU_SOURCE
#include "identity.h"

static char text[1 << 16];

static ssize_t all(int fd) {
    ssize_t total = 0, n;
    while ((n = read(fd, text + total, sizeof text - 1 - total)) > 0) total += n;
    text[total] = 0;
    return total;
}

// Returns the length of the text before the counters, which change while the file is read.
static size_t steady(int fd) {
    ssize_t len = all(fd);
    char *counts = strstr(text, "voluntary_ctxt_switches");
    return counts ? (size_t)(counts - text) : (size_t)len;
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
    size_t first = steady(fd);
    NEED(lseek(fd, 0, SEEK_SET));
    say("twice as long as once: %d", steady(fd) == first && first > 0);
    close(fd);
}

// Checks that the text of a procfs file has nothing that doesn't belong to the guest.
static void only_of_the_guest(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = all(fd);
    int programs = 0;
    for (char *at = text; (at = strstr(at, "/bin/guest")); at++) programs++;
    say("%s: text %d, of others %d, programs' own %d", path, n > 0, strstr(text, ".newroot") != NULL, programs > 0);
    close(fd);
}

static void only_links_of_the_guest(void) {
    DIR *directory = opendir("/proc/self/map_files");
    struct dirent *entry;
    int of_guest = 0, of_others = 0;
    while ((entry = readdir(directory))) {
        char path[PATH_MAX], link[PATH_MAX] = "";
        snprintf(path, sizeof path, "/proc/self/map_files/%s", entry->d_name);
        if (readlink(path, link, sizeof link - 1) < 0) continue;
        of_guest += !strcmp(link, "/bin/guest");
        of_others += strstr(link, ".newroot") != NULL;
    }
    closedir(directory);
    // Segments of the program; patches may split one into parts.
    say("links: %d, %d", of_guest > 0, of_others);
}

int main(void) {
    only_of_the_guest("/proc/self/maps");
    only_of_the_guest("/proc/self/smaps");
    only_of_the_guest("/proc/self/numa_maps");
    only_links_of_the_guest();
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
    // The signal mask is shown at once.
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    NEED(lseek(fd, 0, SEEK_SET));
    all(fd);
    char *line = strstr(text, "\nSigBlk:");
    say("%.*s", (int)strcspn(line + 1, "\n"), line + 1);
}
