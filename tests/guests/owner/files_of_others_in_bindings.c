// Root may change mode, owner and times of any bound file. Where the host's user may not, the call
// seems to succeed.
// user: root
// bind: /etc/passwd:/bound-file
// syscalls: chmod fchmod fchmodat chown fchown utimes utimensat
#include "identity.h"
#include <sys/time.h>

static void change(const char *path, bool now) {
    struct stat s;
    NEED(stat(path, &s));
    mode_t mode = s.st_mode & 07777;
    struct timespec times[2] = {s.st_atim, s.st_mtim};
    struct timeval old[2] = {{s.st_atim.tv_sec, 0}, {s.st_mtim.tv_sec, 0}};
    say("%s", path);
    CALL(chmod(path, mode));
    CALL(fchmodat(AT_FDCWD, path, mode, 0));
    CALL(chown(path, 0, 0));
    CALL(utimes(path, old));
    CALL(utimensat(AT_FDCWD, path, times, 0));
    if (now) CALL(utimensat(AT_FDCWD, path, NULL, 0));
    int fd = open(path, O_RDONLY);
    if (fd < 0) return;
    CALL(fchmod(fd, mode));
    CALL(fchown(fd, 0, 0));
    CALL(futimens(fd, times));
    close(fd);
}

int main(void) {
    static const char *const paths[] = {"/bound-file", "/dev/shm"};
    for (int i = 0; i < 2; i++) change(paths[i], i != 0);
    // The mode of a procfs file can't be changed.
    CALL(chmod("/proc/self/stat", 0444));
    CALL(utimensat(AT_FDCWD, "/proc/self/stat", NULL, 0));
    AS(33, 33) {
        struct timespec times[2] = {{1, 0}, {1, 0}};
        for (int i = 0; i < 2; i++) {
            say("as another: %s", paths[i]);
            CALL(chmod(paths[i], 0600));
            CALL(utimensat(AT_FDCWD, paths[i], times, 0));
        }
        CALL(utimensat(AT_FDCWD, "/bound-file", NULL, 0));
    }
}
