// utimensat(2) and related calls: the owner sets any time, a user with write permission sets "now".
// user: root
// syscalls: utimensat utime utimes
#include "identity.h"
#include <utime.h>

static void try(const char *path) {
    struct timespec chosen[2] = {{1, 0}, {2, 0}}, now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}},
        mixed[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}}, nothing[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    say("%d: %s", getuid(), path);
    CALL(utimensat(AT_FDCWD, path, chosen, 0));
    CALL(utimensat(AT_FDCWD, path, now, 0));
    CALL(utimensat(AT_FDCWD, path, NULL, 0));
    CALL(utimensat(AT_FDCWD, path, mixed, 0));
    if (access(path, F_OK) == 0) CALL(utimensat(AT_FDCWD, path, nothing, 0));
    CALL(utime(path, NULL));
    CALL(utime(path, &(struct utimbuf){1, 1}));
    CALL(syscall(SYS_utimes, path, NULL));
    int fd = open(path, O_RDONLY);
    if (fd >= 0) {
        CALL(futimens(fd, chosen));
        CALL(futimens(fd, now));
        CALL(futimens(fd, NULL));
        CALL(futimens(fd, nothing));
        close(fd);
    }
}

int main(void) {
    file_of("mine", 33, 33, 0400);
    file_of("writable", 0, 0, 0666);
    file_of("readable", 0, 0, 0644);
    directory_of("d", 0, 33, 0775);
    AS(33, 33) {
        try("mine");
        try("writable");
        try("readable");
        try("d");
        try("none");
    }
    try("mine");
}
