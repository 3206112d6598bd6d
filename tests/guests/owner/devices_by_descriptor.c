// A descriptor of an emulated device has the opened file's number, owner, mode and times.
// user: root
// syscalls: openat newfstatat statx fstatfs fchmod fchown fchownat utimensat fsetxattr fgetxattr
#include "identity.h"
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/wait.h>

static bool same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

// Compares a descriptor with a path.
static void is_path(const char *what, int fd, const char *path) {
    struct stat by_path, by_descriptor, by_link;
    struct statx x;
    char link[64];
    NEED(lstat(path, &by_path));
    NEED(fstat(fd, &by_descriptor));
    NEED(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_ALL, &x));
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    NEED(stat(link, &by_link));
    say("%s: %s %04o %d:%d device %d,%d links %d; fstat %d link %d statx %d", what,
        type_name(by_descriptor.st_mode), by_descriptor.st_mode & 07777, by_descriptor.st_uid,
        by_descriptor.st_gid, major(by_descriptor.st_rdev), minor(by_descriptor.st_rdev),
        (int)by_descriptor.st_nlink, same(&by_path, &by_descriptor), same(&by_path, &by_link),
        x.stx_ino == by_path.st_ino && x.stx_mode == by_path.st_mode && x.stx_uid == by_path.st_uid);
    char text[256] = "";
    NEED(readlink(link, text, sizeof text - 1));
    say("%s: shown as %s", what, text);
}

static void changes(int fd, const char *path) {
    CALL(fchmod(fd, 0604));
    owner(path);
    CALL(fchown(fd, 5, 6));
    owner(path);
    CALL(fchownat(fd, "", 7, -1, AT_EMPTY_PATH));
    owner(path);
    struct timespec times[2] = {{1000, 5}, {2000, 7}};
    CALL(futimens(fd, times));
    struct stat s;
    NEED(lstat(path, &s));
    say("times %ld %ld", (long)s.st_atime, (long)s.st_mtime);
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    CALL(chmod(link, 0640));
    CALL(chown(link, 8, 9));
    times[1].tv_sec = 3000;
    CALL(utimensat(AT_FDCWD, link, times, 0));
    NEED(lstat(path, &s));
    say("times %ld %ld", (long)s.st_atime, (long)s.st_mtime);
    owner(path);
    CALL(faccessat(fd, "", R_OK, AT_EMPTY_PATH));
    CALL(fsetxattr(fd, "user.x", "1", 1, 0));
    CALL(fgetxattr(fd, "user.x", NULL, 0));
    struct statfs a, b;
    NEED(fstatfs(fd, &a));
    NEED(statfs(".", &b));
    say("file system %d", a.f_type == b.f_type);
}

int main(void) {
    NEED(mknod("n", S_IFCHR | 0640, makedev(1, 3)));
    NEED(mknod("z", S_IFCHR | 0644, makedev(1, 5)));
    NEED(chown("n", 33, 34));
    static const int flags[] = {O_RDONLY, O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC, O_WRONLY | O_CREAT};
    int opened[5];
    for (int i = 0; i < 5; i++) {
        NEED(opened[i] = open("n", flags[i], 0666));
        say("opened with %o", flags[i]);
        is_path("n", opened[i], "n");
    }
    changes(opened[2], "n");
    for (int i = 0; i < 5; i++) is_path("again", opened[i], "n");

    int zero = open("z", O_RDONLY), copy = dup(zero);
    close(zero);
    is_path("copy", copy, "z");
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", copy);
    int again = open(link, O_RDONLY);
    NEED(again);
    is_path("opened again", again, "z");
    char byte = 1;
    say("read %zd %d", read(again, &byte, 1), byte);
    int mere = open(link, O_PATH);
    is_path("mere path", mere, "z");
    close(mere);

    // After fork, and through another process's directory.
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        is_path("child", copy, "z");
        char other[64];
        struct stat a, b;
        snprintf(other, sizeof other, "/proc/%d/fd/%d", getppid(), copy);
        NEED(stat(other, &a));
        NEED(stat("z", &b));
        say("parent's %d", same(&a, &b));
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);

    // After a rename.
    NEED(rename("z", "y"));
    is_path("renamed", copy, "y");
    NEED(linkat(AT_FDCWD, "y", AT_FDCWD, "w", 0));
    is_path("with two names", copy, "y");
    NEED(unlink("w"));

    // The host's own device is unchanged.
    int own = open("/dev/null", O_RDWR);
    struct stat a, b;
    NEED(fstat(own, &a));
    NEED(lstat("n", &b));
    say("/dev/null: %d %d,%d", same(&a, &b), major(a.st_rdev), minor(a.st_rdev));
    NEED(readlink("/proc/self/fd/0", link, sizeof link));
    snprintf(link, sizeof link, "/proc/self/fd/%d", own);
    char text[64] = "";
    NEED(readlink(link, text, sizeof text - 1));
    say("shown as %s", text);

    AS(33, 9) {
        int fd = open("n", O_RDONLY);
        say("as another: %s", fd < 0 ? errno_name(errno) : "open");
        if (fd >= 0) is_path("as another", fd, "n");
        if (fd >= 0) CALL(fchmod(fd, 0666));
    }
}
