// Two hundred handlers, one after the other: each reads back, and each runs.
// syscalls: rt_sigaction
#include "../facts.h"

#define TEN(h, n) h(n##0) h(n##1) h(n##2) h(n##3) h(n##4) h(n##5) h(n##6) h(n##7) h(n##8) h(n##9)
#define HUNDRED(h, n) TEN(h, n##0) TEN(h, n##1) TEN(h, n##2) TEN(h, n##3) TEN(h, n##4) \
                      TEN(h, n##5) TEN(h, n##6) TEN(h, n##7) TEN(h, n##8) TEN(h, n##9)
static volatile int ran;
#define DEFINE(n) static void handler##n(int s) { ran = 1##n; }
#define NAME(n) handler##n,
HUNDRED(DEFINE, 1) HUNDRED(DEFINE, 2)
static void (*const handlers[])(int) = {HUNDRED(NAME, 1) HUNDRED(NAME, 2)};

int main(void) {
    int count = sizeof handlers / sizeof *handlers, wrong = 0;
    struct sigaction old;
    for (int i = 0; i < count; i++) {
        struct sigaction new = {.sa_handler = handlers[i]};
        NEED(sigaction(SIGUSR1, &new, &old));
        if (old.sa_handler != (i ? handlers[i - 1] : SIG_DFL)) wrong++;
        NEED(sigaction(SIGUSR1, NULL, &old));
        if (old.sa_handler != handlers[i]) wrong++;
        ran = 0;
        raise(SIGUSR1);
        if (ran != 1100 + i) wrong++;
    }
    say("%d handlers, %d wrong", count, wrong);
    pid_t child = vfork();
    if (child == 0) {
        signal(SIGUSR1, SIG_IGN);
        signal(SIGUSR2, handlers[3]);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    sigaction(SIGUSR1, NULL, &old);
    say("still the last after a vfork: %d", old.sa_handler == handlers[count - 1]);
    sigaction(SIGUSR2, NULL, &old);
    say("the child's isn't ours: %d", old.sa_handler == SIG_DFL);
    ran = 0;
    raise(SIGUSR1);
    say("ran %d", ran);
    struct stat st;
    CALL(stat("/data/file", &st));
}
