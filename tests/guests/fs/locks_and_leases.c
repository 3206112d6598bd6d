// Locks taken through two paths to one file exclude each other.
// syscalls: flock fcntl
#include "../facts.h"
#include <sys/file.h>

int main(void) {
    int a = open("/bound/file", O_RDWR), b = open("/bound/../bound/dirlink/../link", O_RDWR);
    CALL(flock(a, LOCK_EX | LOCK_NB));
    CALL(flock(b, LOCK_EX | LOCK_NB));
    CALL(flock(a, LOCK_UN));
    CALL(flock(b, LOCK_SH | LOCK_NB));
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    CALL(fcntl(a, F_OFD_SETLK, &whole));
    CALL(fcntl(b, F_OFD_SETLK, &whole));
    pid_t child = fork();
    if (child == 0) {
        struct flock again = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int c = open("/bound/file", O_RDWR);
        _exit(fcntl(c, F_SETLK, &again) < 0 ? errno == EAGAIN : 9);
    }
    reap("child", child);
    CALL(fcntl(a, F_SETLEASE, F_RDLCK));
    CALL(lockf(a, F_TEST, 0));
}
