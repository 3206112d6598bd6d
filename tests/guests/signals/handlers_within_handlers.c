// Fifty nested handlers, each during path calls.
// syscalls: rt_sigaction newfstatat openat
#include "../facts.h"

static volatile int depth, deepest, wrong, handled;

static void handler(int s) {
    struct stat st;
    depth++;
    handled++;
    if (depth > deepest) deepest = depth;
    if (stat("/bound/abs", &st) < 0 || st.st_size != 5) wrong++;
    if (depth < 50) raise(depth % 2 ? SIGUSR1 : SIGUSR2);
    if (open("/data/loop", O_RDONLY) >= 0 || errno != ELOOP) wrong++;
    depth--;
}

int main(void) {
    on_signal(SIGUSR1, handler, SA_NODEFER);
    on_signal(SIGUSR2, handler, SA_NODEFER);
    raise(SIGUSR1);
    say("%d deep, %d wrong", deepest, wrong);
    struct itimerval often = {{0, 3000}, {0, 3000}};
    on_signal(SIGALRM, handler, SA_RESTART);
    depth = 45;
    handled = 0;
    NEED(setitimer(ITIMER_REAL, &often, NULL));
    while (handled < 500) {
        struct stat st;
        if (stat("/data/outwards", &st) < 0) wrong++;
    }
    say("%d wrong", wrong);
}
