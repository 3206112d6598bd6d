// A descriptor of /proc/self/maps behaves like the kernel's: the lowest free number, read-only,
// size 0, the file's name; and each reading from the beginning shows the current mappings.
// link: static dynamic
// syscalls: openat read lseek pread64 preadv preadv2 statx fcntl mmap
#define _GNU_SOURCE
#include "../facts.h"
#include <sys/uio.h>

static char text[1 << 16];

static bool has(unsigned long address, ssize_t n) {
    char wanted[32];
    snprintf(wanted, sizeof wanted, "%lx-", address);
    text[n < 0 ? 0 : n] = 0;
    return strstr(text, wanted) != NULL;
}

static ssize_t all(int fd) {
    ssize_t total = 0, n;
    while ((n = read(fd, text + total, sizeof text - 1 - total)) > 0) total += n;
    return total;
}

static unsigned long another(void) {
    // Maps a page with a gap on both sides.
    char *at = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(munmap(at, 4096));
    NEED(munmap(at + 2 * 4096, 4096));
    NEED(mprotect(at + 4096, 4096, PROT_READ | PROT_WRITE));
    return (unsigned long)at + 4096;
}

static void facts_of(const char *name) {
    char path[64], link[PATH_MAX] = "", wanted[64];
    snprintf(path, sizeof path, "/proc/self/%s", name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    say("%s: descriptor %d", name, fd);
    int flags = fcntl(fd, F_GETFL);
    say("access %d, append %d, nonblock %d", flags & O_ACCMODE, flags & O_APPEND, flags & O_NONBLOCK);
    say("closed by exec: %d", fcntl(fd, F_GETFD));
    CALL(write(fd, "x", 1));
    CALL(ftruncate(fd, 0));
    struct stat s, by_path;
    NEED(stat(path, &by_path));
    NEED(syscall(SYS_newfstatat, fd, "", &s, AT_EMPTY_PATH));
    say("mode %o, size %ld, links %ld, same file %d", s.st_mode, (long)s.st_size, (long)s.st_nlink,
        s.st_dev == by_path.st_dev && s.st_ino == by_path.st_ino);
    struct statx x;
    NEED(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x));
    say("mode %o, size %ld, links %d", x.stx_mode, (long)x.stx_size, x.stx_nlink);
    NEED(fstat(fd, &s));
    say("mode %o, owner %d", s.st_mode, s.st_uid == getuid() && s.st_gid == getgid());
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    NEED(readlink(path, link, sizeof link - 1));
    snprintf(wanted, sizeof wanted, "/proc/%d/%s", getpid(), name);
    say("link is right: %d", !strcmp(link, wanted));
    CALL(open(path, O_RDWR));
    CALL(open(path, O_WRONLY | O_APPEND));
    unsigned long at = another();
    int again = open(path, O_RDONLY);
    NEED(again);
    say("seen by another opening: %d", has(at, all(again)));
    close(again);
    say("name leads to it: %d", access(link, R_OK) == 0);
    close(fd);
}

static void opened(int flags) {
    int fd = open("/proc/self/maps", flags);
    if (fd < 0) {
        say("with %o: %s", flags, errno_name(errno));
        return;
    }
    say("with %o: %d, %o, %d", flags, fd, fcntl(fd, F_GETFL) & ~O_NOFOLLOW, fcntl(fd, F_GETFD));
    close(fd);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        int fd = atoi(argv[1]);
        NEED(lseek(fd, 0, SEEK_SET));
        ssize_t n = all(fd);
        say("of a program that is gone: %d", strstr(text, "[stack]") != NULL && n > 0);
        return 0;
    }
    facts_of("maps");
    facts_of("smaps");
    int flags[] = {O_RDONLY, O_RDONLY | O_CLOEXEC, O_RDONLY | O_NONBLOCK, O_RDONLY | O_APPEND, O_RDONLY | O_NOATIME,
                   O_RDONLY | O_DIRECTORY, O_RDONLY | O_CREAT, O_RDONLY | O_CREAT | O_EXCL, O_RDONLY | O_TRUNC,
                   O_RDONLY | O_DIRECT, O_RDONLY | O_SYNC, O_RDONLY | O_NOFOLLOW, O_RDWR, O_WRONLY, O_PATH};
    for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) opened(flags[i]);

    int fd = open("/proc/self/maps", O_RDONLY);
    say("nothing of newroot's: %d", (all(fd), strstr(text, ".newroot") == NULL));
    int from_start = 0;
    for (char *line = text; (line = strstr(line, " 00000000 ")); line++) {
        char *end = strchr(line, '\n');
        from_start += end && !strncmp(end - 10, "/bin/guest", 10);
    }
    say("the program from its beginning: %d", from_start);
    unsigned long at = another();
    NEED(lseek(fd, 0, SEEK_SET));
    say("lseek: %d", has(at, all(fd)));
    at = another();
    say("pread: %d", has(at, pread(fd, text, sizeof text - 1, 0)));
    at = another();
    struct iovec part = {text, sizeof text - 1};
    say("preadv: %d", has(at, preadv(fd, &part, 1, 0)));
    at = another();
    say("preadv2: %d", has(at, preadv2(fd, &part, 1, 0, 0)));
    at = another();
    int copy = dup(fd);
    NEED(lseek(copy, 0, SEEK_SET));
    say("dup: %d", has(at, all(fd)));
    // Small reads are parts of one text.
    NEED(lseek(fd, 0, SEEK_SET));
    ssize_t whole = all(fd);
    static char first[1 << 16];
    memcpy(first, text, whole);
    NEED(lseek(fd, 0, SEEK_SET));
    ssize_t total = 0, n;
    while ((n = read(fd, text + total, 7)) > 0) total += n;
    say("in pieces: %d", total == whole && !memcmp(first, text, whole));
    for (int i = 0; i < 100; i++) NEED(lseek(fd, 0, SEEK_SET));
    at = another();
    NEED(lseek(fd, 0, SEEK_SET));
    say("after many: %d", has(at, all(fd)));
    // A child reads its parent's mappings.
    at = another();
    pid_t child = fork();
    if (child == 0) {
        NEED(lseek(fd, 0, SEEK_SET));
        say("in a child: %d", has(at, all(fd)));
        another();
        unsigned long mine = another();
        NEED(lseek(fd, 0, SEEK_SET));
        say("not the child's: %d", !has(mine, all(fd)));
        _exit(0);
    }
    reap("child", child);
    // By a link, a directory, and an O_PATH descriptor.
    NEED(symlink("/proc/self/maps", "link"));
    int by_link = open("link", O_RDONLY);
    at = another();
    NEED(lseek(by_link, 0, SEEK_SET));
    say("by a link: %d", has(at, all(by_link)));
    int directory = open("/proc/self", O_PATH | O_DIRECTORY);
    int below = openat(directory, "maps", O_RDONLY);
    at = another();
    NEED(lseek(below, 0, SEEK_SET));
    say("in a directory: %d", has(at, all(below)));
    int path = open("/proc/self/maps", O_PATH);
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", path);
    int real = open(name, O_RDONLY);
    all(real);
    say("by its name: %d", strstr(text, "[stack]") && strstr(text, "/bin/guest"));
    // The link still shows this process after an exec.
    snprintf(name, sizeof name, "%d", fd);
    if (fork() == 0) {
        execl("/bin/guest", "guest", name, NULL);
        _exit(9);
    }
    int status;
    wait(&status);
}
