// Path calls from coroutines on stacks of their own, switched by swapcontext.
// syscalls: newfstatat access sigaltstack
#include "../facts.h"
#include <ucontext.h>

static ucontext_t here, there[3];
static int turns, wrong;

static void coroutine(int n) {
    static const char *const paths[] = {"/data/link", "/bound/abs", "/bound/nested/../link"};
    static const long sizes[] = {5, 5, 6};
    for (;;) {
        struct stat st;
        if (stat(paths[n], &st) < 0 || st.st_size != sizes[n]) wrong++;
        if (access("/data/missing", F_OK) == 0) wrong++;
        turns++;
        swapcontext(&there[n], &here);
    }
}

static void handler(int s) {
    struct stat st;
    if (stat("/data/outwards", &st) < 0) wrong++;
}

int main(void) {
    for (int n = 0; n < 3; n++) {
        NEED(getcontext(&there[n]));
        there[n].uc_stack.ss_sp = malloc(16384);
        there[n].uc_stack.ss_size = 16384;
        makecontext(&there[n], (void (*)(void))coroutine, 1, n);
    }
    static char stack[65536];
    NEED(sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack, .ss_flags = 1 << 31}, NULL));
    on_signal(SIGALRM, handler, SA_ONSTACK | SA_RESTART);
    NEED(setitimer(ITIMER_REAL, &(struct itimerval){{0, 300}, {0, 300}}, NULL));
    for (int i = 0; i < 3000; i++) swapcontext(&here, &there[i % 3]);
    NEED(setitimer(ITIMER_REAL, &(struct itimerval){}, NULL));
    say("%d turns, %d wrong", turns, wrong);
}
