// siglongjmp out of a handler, during any call, a thousand times.
// link: static musl
// syscalls: rt_sigaction rt_sigprocmask openat
#include "../facts.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile int jumps;

static void handler(int s) {
    struct stat st;
    stat("/data/link", &st);
    siglongjmp(back, 1);
}

int main(void) {
    struct stat st;
    volatile long wrong = 0;
    sigset_t mask;
    on_signal(SIGALRM, handler, 0);
    if (sigsetjmp(back, 1)) {
        jumps++;
        sigprocmask(SIG_BLOCK, NULL, &mask);
        if (sigismember(&mask, SIGALRM) || sigismember(&mask, SIGSYS)) wrong++;
    }
    if (jumps < 1000) {
        setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 100 + jumps % 97}, NULL);
        for (;;) {
            if (stat("/bound/abs", &st) < 0 || st.st_size != 5) wrong++;
            if (stat("/data/file/x", &st) == 0 || errno != ENOTDIR) wrong++;
        }
    }
    setitimer(ITIMER_REAL, &(struct itimerval){}, NULL);
    say("%ld wrong", wrong);
    show("/bound/abs");
    int fd = open("/data/file", O_RDONLY);
    say("next descriptor %d", fd);
}
