// Every call that sets times, on files and on links.
// syscalls: utime utimes futimesat utimensat
#include "../facts.h"
#include <utime.h>

static void times(const char *path) {
    struct stat s;
    NEED(lstat(path, &s));
    say("%s: accessed %ld.%09ld modified %ld.%09ld", path, s.st_atim.tv_sec, s.st_atim.tv_nsec, s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
}

int main(void) {
    struct timespec pair[2] = {{1000, 5}, {2000, 6}}, omit[2] = {{0, UTIME_OMIT}, {3000, 7}};
    put("f", "");
    CALL(symlink("f", "s"));
    CALL(utimensat(AT_FDCWD, "s", pair, AT_SYMLINK_NOFOLLOW));
    times("s");
    CALL(utimensat(AT_FDCWD, "s", pair, 0));
    times("f");
    CALL(utimensat(AT_FDCWD, "f", omit, 0));
    times("f");
    CALL(utime("s", &(struct utimbuf){11, 12}));
    times("f");
    CALL(utimes("s", (struct timeval[]){{21, 1}, {22, 2}}));
    times("f");
    CALL(lutimes("s", (struct timeval[]){{31, 1}, {32, 2}}));
    times("s");
    CALL(futimesat(AT_FDCWD, "s", (struct timeval[]){{41, 1}, {42, 2}}));
    times("f");
    int fd = open("f", O_RDONLY);
    CALL(futimens(fd, (struct timespec[]){{51, 1}, {52, 2}}));
    times("f");
    CALL(syscall(SYS_utimensat, fd, NULL, pair, 0));
    times("f");
    CALL(syscall(SYS_utimensat, AT_FDCWD, NULL, pair, 0));
    CALL(syscall(SYS_utime, "f", &(struct utimbuf){61, 62}));
    CALL(syscall(SYS_utimes, "s", (struct timeval[]){{71, 1}, {72, 2}}));
    times("f");
    CALL(utimensat(AT_FDCWD, "f", (struct timespec[]){{1, 2000000000}, {1, 1}}, 0));
    CALL(utimensat(AT_FDCWD, "f", pair, 1 << 20));
    CALL(utimes("f", (struct timeval[]){{1, 1000000}, {1, 1}}));
    CALL(utimensat(AT_FDCWD, "/data/dangling", pair, 0));
    CALL(utimensat(AT_FDCWD, "/data/dangling", pair, AT_SYMLINK_NOFOLLOW));
    CALL(utimensat(AT_FDCWD, "/bound/dirlink", pair, 0));
    times("/bound/dir");
    CALL(utime("/data/missing", NULL));
    struct stat s;
    CALL(utime("f", NULL));
    NEED(stat("f", &s));
    say("touched: %d", s.st_mtime > 1000000000);
}
