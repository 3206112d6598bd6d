// Changes that a handler makes to its saved context take effect: mask, registers, instruction
// pointer.
// syscalls: rt_sigaction rt_sigprocmask
#include "../facts.h"
#include <ucontext.h>

static int plan;

static void handler(int s, siginfo_t *info, void *context) {
    ucontext_t *u = context;
    struct stat st;
    stat("/data/link", &st);
    if (plan == 0) sigaddset(&u->uc_sigmask, SIGUSR2), sigaddset(&u->uc_sigmask, SIGSYS);
    if (plan == 1) sigemptyset(&u->uc_sigmask);
    if (plan == 2) u->uc_mcontext.gregs[REG_RBX] = 4711;
    stat("/data/missing", &st);
}

static void blocked(const char *when) {
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    say("%s: USR2 %d, SYS %d", when, sigismember(&now, SIGUSR2), sigismember(&now, SIGSYS));
}

int main(void) {
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    NEED(sigaction(SIGUSR1, &a, NULL));
    blocked("at first");
    plan = 0;
    raise(SIGUSR1);
    blocked("added");
    show("/bound/abs");
    plan = 1;
    raise(SIGUSR1);
    blocked("emptied");
    show("/bound/abs");
    plan = 2;
    long rbx = 0;
    __asm__ volatile("mov $1, %%rbx\n mov $39, %%eax\n syscall\n mov %%eax, %%edi\n mov $10, %%esi\n mov $62, %%eax\n syscall\n mov %%rbx, %0"
                     : "=r"(rbx) : : "rax", "rbx", "rcx", "rdi", "rsi", "r11", "memory");
    say("rbx %ld", rbx);
}
