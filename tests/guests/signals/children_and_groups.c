// SIGCHLD, process groups, sessions and orphans work as usual.
// syscalls: wait4 setpgid setsid kill
#include "../facts.h"
#include <sys/prctl.h>

static volatile int children;
static void handler(int s) {
    struct stat st;
    stat("/data/file", &st);
    children++;
}

int main(void) {
    on_signal(SIGCHLD, handler, SA_RESTART);
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) _exit(access("/bound/abs", R_OK) ? 1 : 0);
        reap("child", child);
    }
    say("children seen: %d", children);
    pid_t child = fork();
    if (child == 0) {
        NEED(setpgid(0, 0));
        say("own group: %d", getpgrp() == getpid());
        kill(0, SIGTERM);
        _exit(1);
    }
    reap("group", child);
    child = fork();
    if (child == 0) {
        NEED(setsid());
        say("own session: %d", getsid(0) == getpid());
        _exit(open("/dev/tty", O_RDWR) < 0 && errno == ENXIO ? 0 : 1);
    }
    reap("session", child);
    NEED(prctl(PR_SET_CHILD_SUBREAPER, 1));
    child = fork();
    if (child == 0) {
        if (fork() == 0) _exit(42);
        _exit(0);
    }
    reap("parent", child);
    int status;
    NEED(waitpid(-1, &status, 0));
    say("orphan exited with %d", WEXITSTATUS(status));
    signal(SIGCHLD, SIG_IGN);
    child = fork();
    if (child == 0) _exit(0);
    CALL(waitpid(child, NULL, 0));
}
