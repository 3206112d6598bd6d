// No descriptor above 2 is open at the start, and closing all of them does no harm.
// syscalls: close_range dup2 fcntl
#include "../facts.h"

int main(int argc, char **argv) {
    list("/proc/self/fd");
    int open_ones = 0;
    for (int fd = 3; fd < 70000; fd++) open_ones += fcntl(fd, F_GETFD) >= 0;
    say("%d open", open_ones);
    if (argc > 1) return 0;
    for (int fd = 3; fd < 1100; fd++) close(fd);
    show("/bound/abs");
    CALL(syscall(SYS_close_range, 3, ~0U, 0));
    show("/bound/abs");
    CALL(syscall(SYS_close_range, 3, ~0U, 4));
    for (int fd = 3; fd < 200; fd++) NEED(dup2(0, fd));
    show("/data/link");
    closefrom(3);
    struct rlimit r;
    NEED(getrlimit(RLIMIT_NOFILE, &r));
    r.rlim_cur = r.rlim_max;
    NEED(setrlimit(RLIMIT_NOFILE, &r));
    int high = r.rlim_max > 1 << 20 ? 1 << 20 : r.rlim_max;
    CALL(fcntl(0, F_DUPFD, high - 1) == high - 1);
    CALL(dup2(0, high - 2) == high - 2);
    show("/bound/nested/file");
    closefrom(3);
    pid_t child = fork();
    if (child == 0) {
        CALL(syscall(SYS_close_range, 0, ~0U, 4));
        execl("/bin/guest", "guest", "x", NULL);
    }
    reap("closing all on exec", child);
    child = fork();
    if (child == 0) {
        for (int fd = 0; fd < 100; fd++) if (fd != 1) close(fd);
        execl("/bin/guest", "guest", "x", NULL);
    }
    reap("without stdin and stderr", child);
}
