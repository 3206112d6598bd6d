// SIGSYS can be handled, queried, sent, ignored and reset to its default like any other signal.
// syscalls: rt_sigaction tgkill kill rt_sigqueueinfo
#include "../facts.h"

static volatile int seen;
static void handler(int s, siginfo_t *info, void *context) { seen = s * 1000 + info->si_code; }

static void query(const char *when) {
    struct sigaction a;
    NEED(sigaction(SIGSYS, NULL, &a));
    say("%s: %s, flags %x, mask of USR1 %d", when, a.sa_handler == SIG_DFL ? "default" : a.sa_handler == SIG_IGN ? "ignored"
        : a.sa_sigaction == handler ? "ours" : "somebody else's", a.sa_flags & ~0x4000000, sigismember(&a.sa_mask, SIGUSR1));
}

int main(void) {
    struct stat s;
    query("at first");
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaddset(&a.sa_mask, SIGUSR1);
    CALL(sigaction(SIGSYS, &a, NULL));
    query("handled");
    CALL(stat("/data/file", &s));
    say("seen %d", seen);
    CALL(raise(SIGSYS));
    say("seen %d", seen);
    seen = 0;
    CALL(kill(getpid(), SIGSYS));
    say("seen %d", seen);
    seen = 0;
    CALL(sigqueue(getpid(), SIGSYS, (union sigval){7}));
    say("seen %d", seen);
    CALL(stat("/data/file", &s));
    signal(SIGSYS, SIG_IGN);
    query("ignored");
    CALL(raise(SIGSYS));
    CALL(stat("/data/link", &s));
    signal(SIGSYS, SIG_DFL);
    query("default");
    CALL(stat("/data/link", &s));
    for (int how = 0; how < 3; how++) {
        pid_t child = fork();
        if (child == 0) {
            if (how == 0) raise(SIGSYS);
            if (how == 1) kill(getpid(), SIGSYS);
            if (how == 2) pause();
            _exit(5);
        }
        if (how == 2) kill(child, SIGSYS);
        reap("child", child);
    }
}
