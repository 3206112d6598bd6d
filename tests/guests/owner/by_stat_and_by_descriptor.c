// stat, fstat, statx and newfstatat report the same.
// user: root
// syscalls: newfstatat fstat statx
#include "identity.h"

static void all(const char *path) {
    struct stat s;
    struct statx x;
    int fd = open(path, O_PATH | O_NOFOLLOW);
    NEED(fstat(fd, &s));
    say("%s: fstat %o %d:%d %d,%d", path, s.st_mode, s.st_uid, s.st_gid, major(s.st_rdev), minor(s.st_rdev));
    NEED(fstatat(fd, "", &s, AT_EMPTY_PATH));
    say("  fstatat %o %d:%d", s.st_mode, s.st_uid, s.st_gid);
    NEED(statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x));
    say("  statx %o %d:%d %d,%d", x.stx_mode, x.stx_uid, x.stx_gid, x.stx_rdev_major, x.stx_rdev_minor);
    NEED(statx(fd, "", AT_EMPTY_PATH, STATX_MODE, &x));
    say("  statx %o", x.stx_mode);
    NEED(statx(fd, "", AT_EMPTY_PATH, STATX_UID | STATX_GID, &x));
    say("  statx %d:%d", x.stx_uid, x.stx_gid);
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    NEED(stat(name, &s));
    say("  by procfs %o %d:%d", s.st_mode, s.st_uid, s.st_gid);
    close(fd);
}

int main(void) {
    file_of("file", 1, 2, 06711);
    directory_of("directory", 3, 4, 01000);
    NEED(symlink("file", "link"));
    NEED(lchown("link", 5, 6));
    NEED(mkfifo("fifo", 0));
    NEED(chown("fifo", 7, 8));
    NEED(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
    NEED(chown("null", 9, 10));
    all("file");
    all("directory");
    all("link");
    all("fifo");
    all("null");
    int ends[2];
    struct stat s;
    NEED(pipe(ends));
    CALL(fstat(ends[0], &s));
    say("pipe %o %d:%d", s.st_mode, s.st_uid, s.st_gid);
    CALL(fstat(socket(AF_UNIX, SOCK_STREAM, 0), &s));
    say("socket %o %d:%d", s.st_mode, s.st_uid, s.st_gid);
    CALL(fchown(ends[0], 5, 5));
    CALL(fchmod(ends[0], 0640));
    AS(33, 44) {
        NEED(pipe(ends));
        CALL(fstat(ends[0], &s));
        say("pipe %o %d:%d", s.st_mode, s.st_uid, s.st_gid);
        CALL(stat("/proc/self", &s));
        say("process %d:%d", s.st_uid, s.st_gid);
    }
}
