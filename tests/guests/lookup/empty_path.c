// The empty path names nothing, except where AT_EMPTY_PATH makes it mean the descriptor.
// syscalls: newfstatat statx openat access faccessat2 readlink readlinkat mkdir mkdirat rmdir
// syscalls: unlink unlinkat rename link linkat symlink chmod chown fchownat truncate chdir mknodat
// syscalls: utimensat execve
#include "../facts.h"

int main(void) {
    struct stat s;
    struct statx x;
    char buffer[100];
    CALL(stat("", &s));
    CALL(lstat("", &s));
    CALL(open("", O_RDONLY));
    CALL(open("", O_RDWR | O_CREAT, 0644));
    CALL(access("", F_OK));
    CALL(readlink("", buffer, 100));
    CALL(mkdir("", 0755));
    CALL(rmdir(""));
    CALL(unlink(""));
    CALL(rename("", "x"));
    CALL(rename("/data/empty", ""));
    CALL(link("", "x"));
    CALL(link("/data/file", ""));
    CALL(symlink("", "x"));
    CALL(symlink("x", ""));
    CALL(chmod("", 0644));
    CALL(chown("", -1, -1));
    CALL(truncate("", 0));
    CALL(chdir(""));
    CALL(mknod("", S_IFIFO | 0644, 0));
    CALL(utimensat(AT_FDCWD, "", NULL, 0));
    CALL(execv("", (char *[]){"x", NULL}));
    int fd = CALL(open("/data/file", O_RDONLY));
    CALL(fstatat(fd, "", &s, 0));
    CALL(fstatat(fd, "", &s, AT_EMPTY_PATH));
    say("size %ld", (long)s.st_size);
    CALL(fstatat(AT_FDCWD, "", &s, AT_EMPTY_PATH));
    say("directory %d", S_ISDIR(s.st_mode));
    CALL(fstatat(77, "", &s, AT_EMPTY_PATH));
    CALL(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x));
    say("size %ld", (long)x.stx_size);
    CALL(statx(fd, "", 0, STATX_SIZE, &x));
    CALL(openat(fd, "", O_RDONLY));
    CALL(readlinkat(fd, "", buffer, 100));
    int link = CALL(open("/data/link", O_PATH | O_NOFOLLOW));
    CALL(readlinkat(link, "", buffer, 100));
    say("%.4s", buffer);
    CALL(fstatat(link, "", &s, AT_EMPTY_PATH));
    say("%s", type_name(s.st_mode));
    CALL(fchownat(fd, "", -1, -1, AT_EMPTY_PATH));
    CALL(fchownat(fd, "", -1, -1, 0));
    CALL(faccessat(fd, "", R_OK, 0));
    CALL(syscall(439, fd, "", R_OK, AT_EMPTY_PATH));
    CALL(linkat(AT_FDCWD, "", AT_FDCWD, "x", 0));
    int dir = CALL(open("/data/dir", O_PATH | O_DIRECTORY));
    CALL(unlinkat(dir, "", AT_REMOVEDIR));
    CALL(mkdirat(dir, "", 0755));
    CALL(utimensat(fd, "", NULL, AT_EMPTY_PATH));
    list(".");
}
