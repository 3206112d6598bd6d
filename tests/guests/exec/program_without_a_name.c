// /proc/self/exe leads to a program whose file has no name, or lost the name by which it was
// executed: the program itself and other processes can look at it, read it and execute it.
// link: static dynamic
// syscalls: execveat openat readlink
#include "../facts.h"
#include <sys/prctl.h>
#include <sys/sendfile.h>

static void look(const char *path, long size) {
    struct stat s;
    if (stat(path, &s) < 0) say("stat: %s", errno_name(errno));
    else say("stat: mode %o, size right: %d", s.st_mode, s.st_size == size);
    struct statx x;
    if (!statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, &x)) say("statx: size right: %d", (long)x.stx_size == size);
    say("access: %d %d", access(path, R_OK | X_OK), access(path, F_OK));
    NEED(lstat(path, &s));
    say("link: %d, size %ld", S_ISLNK(s.st_mode), (long)s.st_size);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        say("open: %s", errno_name(errno));
        return;
    }
    char head[4] = "";
    static char text[1 << 16];
    long total = 0, n;
    NEED(fstat(fd, &s));
    NEED(pread(fd, head, 4, 0));
    while ((n = read(fd, text, sizeof text)) > 0) total += n;
    say("descriptor %d: access %d, mode %o, size right: %d, contents: %d", fd, fcntl(fd, F_GETFL) & O_ACCMODE,
        s.st_mode, s.st_size == size && total == size, !memcmp(head, "\177ELF", 4));
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals > F_SEAL_SEAL) say("seals %x", seals);
    close(fd);
    char link[PATH_MAX + 1] = "";
    NEED(readlink(path, link, PATH_MAX));
    // Opening a program with a name fails with ETXTBSY instead.
    if (strstr(link, " (deleted)")) CALL(open(path, O_RDWR));
    fd = open(path, O_PATH | O_CLOEXEC);
    NEED(fstat(fd, &s));
    say("path descriptor: size right: %d", s.st_size == size);
    close(fd);
    CALL(open("/proc/self/exe/x", O_RDONLY));
}

// Prints facts of a program that was just executed, from inside.
static void stage(const char *name, long size) {
    say("--- %s", name);
    show_link("/proc/self/exe");
    char other[60], link[PATH_MAX] = "", first[PATH_MAX] = "";
    snprintf(other, sizeof other, "/proc/%d/exe", getpid());
    NEED(readlink(other, link, sizeof link - 1));
    NEED(readlink("/proc/thread-self/exe", first, sizeof first - 1));
    say("the same by number: %d", !strcmp(link, first));
    look("/proc/self/exe", size);
}

static char text_of_size[32];

static void run(const char *path, const char *word) {
    pid_t child = fork();
    if (child == 0) {
        execl(path, "again", "stage", word, text_of_size, NULL);
        say("exec %s: %s", word, errno_name(errno));
        _exit(9);
    }
    reap(word, child);
}

static void run_by_descriptor(const char *word) {
    pid_t child = fork();
    if (child == 0) {
        int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        syscall(SYS_execveat, fd, "", (char *[]){"again", "stage", (char *)word, text_of_size, NULL}, NULL, AT_EMPTY_PATH);
        say("exec %s: %s", word, errno_name(errno));
        _exit(9);
    }
    reap(word, child);
}

static void copy_program(const char *to) {
    int from = open("/proc/self/exe", O_RDONLY), fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0751);
    struct stat s;
    NEED(fstat(from, &s));
    NEED(sendfile(fd, from, 0, s.st_size) == s.st_size ? 0 : -1);
    NEED(fchmod(fd, 0751));
    close(from);
    close(fd);
    snprintf(text_of_size, sizeof text_of_size, "%ld", (long)s.st_size);
}

// Runs a copy with a name in a child, and changes that name meanwhile.
static void changed(const char *what) {
    copy_program("program");
    pid_t child = fork();
    if (child == 0) {
        execl("./program", "program", what, text_of_size, NULL);
        _exit(9);
    }
    reap(what, child);
    unlink("program");
    unlink("other");
}

static void in_memory(int argc) {
    struct stat s;
    int from = open("/bin/guest", O_RDONLY | O_CLOEXEC);
    NEED(fstat(from, &s));
    snprintf(text_of_size, sizeof text_of_size, "%ld", (long)s.st_size);
    int fd = memfd_create("clone", MFD_CLOEXEC | (argc ? MFD_ALLOW_SEALING : 0));
    NEED(sendfile(fd, from, 0, s.st_size) == s.st_size ? 0 : -1);
    if (argc) NEED(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
    pid_t child = fork();
    if (child == 0) {
        syscall(SYS_execveat, fd, "", (char *[]){"memory", "memory", text_of_size, NULL}, NULL, AT_EMPTY_PATH);
        say("exec memory: %s", errno_name(errno));
        _exit(9);
    }
    reap("memory", child);
}

// Another process looks at a program that has lost its name.
static void seen_by_another(void) {
    copy_program("program");
    int ready[2], go[2];
    NEED(pipe(ready));
    NEED(pipe(go));
    pid_t child = fork();
    if (child == 0) {
        dup2(ready[1], 10);
        dup2(go[0], 11);
        execl("./program", "program", "wait", NULL);
        _exit(9);
    }
    char byte;
    NEED(read(ready[0], &byte, 1));
    NEED(unlink("program"));
    char path[60], link[PATH_MAX] = "";
    snprintf(path, sizeof path, "/proc/%d/exe", child);
    NEED(readlink(path, link, sizeof link - 1));
    say("--- another: %s", link);
    struct stat s;
    if (stat(path, &s) < 0) say("stat: %s", errno_name(errno));
    else say("mode %o, size right: %d", s.st_mode, s.st_size == atol(text_of_size));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    say("open: %d", fd >= 0 ? fd > 0 : -errno);
    char head[4] = "";
    if (fd >= 0) NEED(pread(fd, head, 4, 0));
    say("contents: %d", !memcmp(head, "\177ELF", 4));
    run(path, "of another");
    NEED(write(go[1], "x", 1));
    reap("another", child);
}

int main(int argc, char **argv) {
    if (argc == 1) {
        umask(0);
        NEED(mkdir("d", 0755));
        changed("unlinked");
        changed("renamed");
        changed("replaced");
        changed("not at all");
        in_memory(0);
        in_memory(1);
        seen_by_another();
        return 0;
    }
    const char *what = argv[1];
    if (!strcmp(what, "wait")) {
        char byte;
        NEED(write(10, "x", 1));
        NEED(read(11, &byte, 1));
        show_link("/proc/self/exe");
        return 0;
    }
    if (!strcmp(what, "stage")) {
        stage(argv[2], atol(argv[3]));
        return 0;
    }
    snprintf(text_of_size, sizeof text_of_size, "%s", argv[2]);
    if (!strcmp(what, "unlinked")) NEED(unlink("program"));
    if (!strcmp(what, "renamed")) NEED(rename("program", "d/elsewhere"));
    if (!strcmp(what, "replaced")) {
        put("other", "another file");
        NEED(rename("other", "program"));
    }
    stage(what, atol(argv[2]));
    run("/proc/self/exe", "once more");
    run_by_descriptor("by descriptor");
    char path[60];
    snprintf(path, sizeof path, "/proc/%d/exe", getpid());
    run(path, "by number");
    int fd = open("/proc/self/exe", O_RDONLY);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    show_link(path);
    run(path, "by link");
    // A program that isn't dumpable still finds itself.
    pid_t child = fork();
    if (child == 0) {
        NEED(prctl(PR_SET_DUMPABLE, 0));
        show_link("/proc/self/exe");
        int own = open("/proc/self/exe", O_RDONLY);
        char head[4] = "";
        say("opened: %d", own > 0 && pread(own, head, 4, 0) == 4 && !memcmp(head, "\177ELF", 4));
        execl("/proc/self/exe", "again", "stage", "not dumpable", text_of_size, NULL);
        say("exec: %s", errno_name(errno));
        _exit(9);
    }
    reap("not dumpable", child);
    unlink("d/elsewhere");
    // The link still works after a fork.
    child = fork();
    if (child == 0) {
        close(fd);
        show_link("/proc/self/exe");
        execl("/proc/self/exe", "again", "stage", "after a fork", text_of_size, NULL);
        say("exec: %s", errno_name(errno));
        _exit(9);
    }
    reap("fork", child);
    return 0;
}
