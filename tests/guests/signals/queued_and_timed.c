// Queued values arrive in order; timers and signalfd work beside path calls.
// syscalls: rt_sigqueueinfo timer_settime signalfd4
#include "../facts.h"
#include <sys/signalfd.h>

static volatile int values[10], count;
static void handler(int s, siginfo_t *info, void *c) {
    struct stat st;
    stat("/data/link", &st);
    values[count++] = info->si_value.sival_int;
}

int main(void) {
    sigset_t set;
    struct stat st;
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    NEED(sigaction(SIGRTMIN, &a, NULL));
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 5; i++) NEED(sigqueue(getpid(), SIGRTMIN, (union sigval){i + 1}));
    CALL(stat("/data/file", &st));
    say("%d before", count);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    say("%d after: %d %d %d %d %d", count, values[0], values[1], values[2], values[3], values[4]);
    timer_t timer;
    count = 0;
    NEED(timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 42}, &timer));
    NEED(timer_settime(timer, 0, &(struct itimerspec){.it_value.tv_nsec = 1000000}, NULL));
    while (!count) stat("/data/link", &st);
    say("timer value %d", values[0]);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGSYS);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_NONBLOCK);
    raise(SIGUSR1);
    raise(SIGSYS);
    struct signalfd_siginfo info[3];
    ssize_t n = read(fd, info, sizeof info);
    say("%zd read", n / (ssize_t)sizeof *info);
    for (int i = 0; i < n / (ssize_t)sizeof *info; i++) say("signal %d", info[i].ssi_signo);
    CALL(stat("/data/file", &st));
    CALL(read(fd, info, sizeof info));
}
