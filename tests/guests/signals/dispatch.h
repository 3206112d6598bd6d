// Syscall User Dispatch: prctl(2), PR_SET_SYSCALL_USER_DISPATCH.
#include "../facts.h"
#include <sys/prctl.h>
#include <ucontext.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#define OFF 0
#define ON 1
#define ALLOW 0
#define BLOCK 1

static __thread volatile char selector;

// One instruction makes the call, in a section of its own; `behind` is the address after it.
extern char own_code[], own_code_end[], own_behind[], other_behind[], own_return[];
long own_call(long number, long a, long b, long c, long d);
long other_call(long number, long a, long b, long c, long d);
__asm__(
    ".pushsection .text.dispatch,\"ax\",@progbits\n"
    ".globl own_code, own_call, own_behind, own_code_end, own_return\n"
    "own_code:\n"
    "own_call: mov %rdi, %rax\n mov %rsi, %rdi\n mov %rdx, %rsi\n mov %rcx, %rdx\n mov %r8, %r10\n"
    "syscall\n"
    "own_behind: ret\n"
    // A restorer. The kernel checks the address after the call.
    "own_return: mov $15, %rax\n syscall\n"
    "own_code_end: nop\n"
    ".globl other_call, other_behind\n"
    "other_call: mov %rdi, %rax\n mov %rsi, %rdi\n mov %rdx, %rsi\n mov %rcx, %rdx\n mov %r8, %r10\n"
    "syscall\n"
    "other_behind: ret\n"
    ".popsection\n");

static int caught, caught_number, caught_code, caught_behind, caught_error;
static long caught_arguments[3];
static int leaves_blocked;

static void on_dispatch(int signal, siginfo_t *info, void *context) {
    (void)signal;
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    caught++;
    caught_number = info->si_syscall;
    caught_code = info->si_code;
    caught_error = info->si_errno;
    caught_behind = (char *)info->si_call_addr == other_behind && r[REG_RIP] == (long)other_behind;
    caught_arguments[0] = r[REG_RAX];
    caught_arguments[1] = r[REG_RDI];
    caught_arguments[2] = r[REG_RSI];
    r[REG_RAX] = -4000 - info->si_syscall % 10;
    if (!leaves_blocked) selector = ALLOW;
}

struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    unsigned long mask;
};

// Installs the handler, optionally with the program's own restorer.
static void catch_dispatch(bool own_restorer) {
    struct sigaction action = {.sa_sigaction = on_dispatch, .sa_flags = SA_SIGINFO};
    NEED(sigaction(SIGSYS, &action, NULL));
    if (own_restorer) {
        struct kernel_action own = {on_dispatch, SA_SIGINFO | 0x04000000, own_return, 0};
        NEED(syscall(SYS_rt_sigaction, SIGSYS, &own, NULL, 8));
    }
}

// Makes a call while the selector is BLOCK, and prints what happened.
static long blocked(const char *name, long (*make)(long, long, long, long, long), long number, long a, long b,
                    long c, long d) {
    int before = caught;
    selector = BLOCK;
    long result = make(number, a, b, c, d);
    selector = ALLOW;
    if (caught != before) {
        say("%s: dispatched %d time(s), number %d, code %d, errno %d, %s, rax %ld, result %ld", name, caught - before,
            caught_number, caught_code, caught_error, caught_behind ? "at the call" : "elsewhere",
            caught_arguments[0], result);
        if (caught_arguments[1] != a || caught_arguments[2] != b) say("other arguments");
    } else {
        say("%s: %s", name, result < 0 ? errno_name(-result) : "made");
    }
    return result;
}

static long dispatch(unsigned long mode, unsigned long offset, unsigned long len, volatile char *at) {
    return prctl(PR_SET_SYSCALL_USER_DISPATCH, mode, offset, len, at);
}
