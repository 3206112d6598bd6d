// ppoll, pselect, epoll_pwait and sigsuspend apply their mask while they wait.
// link: static musl
// syscalls: ppoll pselect6 epoll_pwait rt_sigsuspend
#include "../facts.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static volatile int seen;
static void handler(int s) { seen = seen * 100 + s; }

static void ready(int s) {
    seen = 0;
    raise(s);
}

int main(void) {
    sigset_t all, but;
    struct stat st;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    on_signal(SIGUSR1, handler, 0);
    on_signal(SIGSYS, handler, 0);
    int epoll = epoll_create1(0);
    struct timespec moment = {0, 10000000};
    for (int i = 0; i < 2; i++) {
        int s = i ? SIGSYS : SIGUSR1;
        sigfillset(&but);
        sigdelset(&but, s);
        say("signal %d", s);
        ready(s);
        CALL(ppoll(NULL, 0, NULL, &but));
        say("seen %d", seen);
        ready(s);
        CALL(pselect(0, NULL, NULL, NULL, NULL, &but));
        say("seen %d", seen);
        ready(s);
        CALL(epoll_pwait(epoll, (struct epoll_event[1]){}, 1, -1, &but));
        say("seen %d", seen);
        ready(s);
        CALL(syscall(441, epoll, (struct epoll_event[1]){}, 1, NULL, &but, 8));
        say("seen %d", seen);
        ready(s);
        CALL(sigsuspend(&but));
        say("seen %d", seen);
        ready(s);
        CALL(ppoll(NULL, 0, &moment, &all));
        CALL(pselect(0, NULL, NULL, NULL, &moment, &all));
        CALL(epoll_pwait(epoll, (struct epoll_event[1]){}, 1, 10, &all));
        say("seen %d", seen);
        CALL(ppoll(NULL, 0, &moment, NULL));
        CALL(sigsuspend(&but));
        say("seen %d", seen);
    }
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    say("mask restored: %d %d", sigismember(&now, SIGUSR1), sigismember(&now, SIGSYS));
    CALL(stat("/data/file", &st));
    CALL(ppoll(NULL, 0, &moment, (sigset_t *)16));
    CALL(syscall(SYS_rt_sigsuspend, &but, 4));
    CALL(syscall(SYS_rt_sigsuspend, 16, 8));
}
