// A guest that blocks SIGSYS continues, sees it blocked, and gets it once it is unblocked.
// link: static musl
// syscalls: rt_sigprocmask rt_sigpending rt_sigtimedwait
#include "../facts.h"

static volatile int seen;
static void handler(int s) { seen++; }

int main(void) {
    sigset_t set, old, pending;
    struct stat s;
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    sigaddset(&set, SIGUSR1);
    CALL(sigprocmask(SIG_BLOCK, &set, &old));
    say("was blocked: %d", sigismember(&old, SIGSYS));
    CALL(stat("/data/file", &s));
    CALL(open("/data/missing", O_RDONLY));
    CALL(sigprocmask(SIG_BLOCK, NULL, &old));
    say("is blocked: %d %d", sigismember(&old, SIGSYS), sigismember(&old, SIGUSR1));
    on_signal(SIGSYS, handler, 0);
    raise(SIGSYS);
    say("seen %d", seen);
    sigpending(&pending);
    say("pending: %d", sigismember(&pending, SIGSYS));
    CALL(stat("/data/link", &s));
    say("seen %d", seen);
    CALL(sigprocmask(SIG_UNBLOCK, &set, NULL));
    say("seen %d", seen);
    sigpending(&pending);
    say("pending: %d", sigismember(&pending, SIGSYS));
    sigfillset(&set);
    CALL(sigprocmask(SIG_SETMASK, &set, NULL));
    CALL(stat("/data/file", &s));
    pid_t child = fork();
    if (child == 0) {
        CALL(stat("/data/file", &s));
        sigprocmask(SIG_BLOCK, NULL, &old);
        say("in the child: %d", sigismember(&old, SIGSYS));
        _exit(0);
    }
    reap("child", child);
    raise(SIGSYS);
    int got = 0;
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    CALL(sigwait(&set, &got));
    say("waited for %d", got);
    CALL(sigtimedwait(&set, NULL, &(struct timespec){0, 1000}));
    say("seen %d", seen);
}
