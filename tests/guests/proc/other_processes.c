// /proc/PID of another guest process shows guest paths, too.
// syscalls: openat read readlink
#include "../facts.h"
#include <signal.h>

int main(int argc, char **argv) {
    if (argc > 1) {
        NEED(write(atoi(argv[1]), "r", 1));
        for (;;) pause();
    }
    int ready[2];
    NEED(pipe(ready));
    pid_t child = fork();
    if (child == 0) {
        NEED(chdir("/bound/dir"));
        NEED(dup2(open("/bound/nested/file", O_RDONLY), 9));
        char number[10];
        sprintf(number, "%d", ready[1]);
        execl("/bin/guest", "the child", number, NULL);
        _exit(9);
    }
    char c;
    NEED(read(ready[0], &c, 1));
    static const char *const links[] = {"exe", "cwd", "root", "fd/9", "fd/77"};
    char name[80], target[100];
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        snprintf(name, sizeof name, "/proc/%d/%s", child, links[i]);
        ssize_t n = readlink(name, target, sizeof target);
        if (n < 0) say("%s: %s", links[i], errno_name(errno));
        else say("%s -> %.*s", links[i], (int)n, target);
    }
    snprintf(name, sizeof name, "/proc/%d/cwd/inner", child);
    int fd = open(name, O_RDONLY);
    show_fd("cwd/inner", fd);
    snprintf(name, sizeof name, "/proc/%d/root/data/file", child);
    fd = open(name, O_RDONLY);
    show_fd("root/data/file", fd);
    snprintf(name, sizeof name, "/proc/%d/fd/9", child);
    fd = open(name, O_RDONLY);
    show_fd("fd/9", fd);
    snprintf(name, sizeof name, "/proc/%d/cmdline", child);
    fd = open(name, O_RDONLY);
    ssize_t n = read(fd, target, sizeof target);
    say("cmdline %zd bytes, '%s'", n, target);
    snprintf(name, sizeof name, "/proc/%d/comm", child);
    fd = open(name, O_RDONLY);
    show_fd("comm", fd);
    NEED(kill(child, SIGKILL));
    reap("child", child);
    snprintf(name, sizeof name, "/proc/%d/cwd", child);
    say("afterwards: %s", readlink(name, target, sizeof target) < 0 ? errno_name(errno) : "still there");
}
