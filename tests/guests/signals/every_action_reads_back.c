// sigaction gives back what was set, for every signal and every flag.
// syscalls: rt_sigaction
#include "../facts.h"

static void one(int s) {}
static void two(int s, siginfo_t *i, void *c) {}

int main(void) {
    struct { void *handler; unsigned long flags; void *restorer; unsigned long mask; } k;
    // The C library reserves 32 and 33, the kernel KILL and STOP.
    const unsigned long kept = 1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1) | 3UL << 31;
    int failures = 0;
    for (int s = 1; s < 65; s++) {
        if (s == 32 || s == 33) continue;
        struct sigaction a = {.sa_handler = one, .sa_flags = SA_RESTART | SA_NODEFER}, b;
        sigfillset(&a.sa_mask);
        if (sigaction(s, &a, NULL) < 0) {
            say("signal %d: %s", s, errno_name(errno));
            continue;
        }
        sigaction(s, NULL, &b);
        if (b.sa_handler != one || !(b.sa_flags & SA_RESTART) || !(b.sa_flags & SA_NODEFER) || b.sa_flags & (SA_SIGINFO | SA_ONSTACK)) failures++;
        if (!sigismember(&b.sa_mask, SIGSYS) || !sigismember(&b.sa_mask, SIGUSR1) || sigismember(&b.sa_mask, SIGKILL)) failures++;
        syscall(SYS_rt_sigaction, s, NULL, &k, 8);
        if ((void *)one != k.handler || k.mask != ~kept) failures++;
        struct sigaction c = {.sa_sigaction = two, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};
        sigaction(s, &c, &b);
        if (b.sa_handler != one) failures++;
        sigaction(s, NULL, &b);
        if (b.sa_sigaction != two || !(b.sa_flags & SA_ONSTACK) || sigismember(&b.sa_mask, SIGSYS)) failures++;
        signal(s, SIG_DFL);
        sigaction(s, NULL, &b);
        if (b.sa_handler != SIG_DFL) failures++;
    }
    say("%d failures", failures);
    CALL(syscall(SYS_rt_sigaction, 0, NULL, &k, 8));
    CALL(syscall(SYS_rt_sigaction, 65, NULL, &k, 8));
    CALL(syscall(SYS_rt_sigaction, SIGSYS, NULL, &k, 4));
    CALL(syscall(SYS_rt_sigaction, SIGSYS, NULL, (void *)16, 8));
    CALL(syscall(SYS_rt_sigaction, SIGKILL, &k, NULL, 8));
    CALL(syscall(SYS_rt_sigprocmask, 77, &k.mask, NULL, 8));
    CALL(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &k.mask, NULL, 4));
}
