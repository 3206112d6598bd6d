// A handler for SIGSYS runs on the stack and with the mask that its action names, and as often: on
// the alternate stack only with SA_ONSTACK, whether a process or one of the program's own filters
// sent the signal.
// syscalls: rt_sigaction sigaltstack
#include "../facts.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/audit.h>
#include <sys/prctl.h>
#include <ucontext.h>

enum { SIZE = 64 * 1024 };
static char *alternate;
static char notes[400];
static volatile int again;

static void note(siginfo_t *info, ucontext_t *context) {
    char here;
    sigset_t now;
    stack_t stack;
    sigprocmask(SIG_BLOCK, NULL, &now);
    sigaltstack(NULL, &stack);
    bool on = &here >= alternate && &here < alternate + SIZE;
    bool info_on = (char *)info >= alternate && (char *)info < alternate + SIZE;
    bool context_on = (char *)context >= alternate && (char *)context < alternate + SIZE;
    char *state = (char *)context->uc_mcontext.fpregs;
    bool state_on = state >= alternate && state < alternate + SIZE;
    sprintf(notes + strlen(notes), "[%s%s, code %d, call %d, SYS %d USR1 %d, before SYS %d, aligned %d]", on ? "alternate" : "ordinary",
            on == info_on && on == context_on && on == state_on && on == (stack.ss_flags == SS_ONSTACK) ? "" : " in parts", info->si_code,
            info->si_code == 1 ? info->si_syscall : -1, sigismember(&now, SIGSYS), sigismember(&now, SIGUSR1),
            sigismember(&context->uc_sigmask, SIGSYS), (int)((unsigned long)state % 64));
}

static void handler(int s, siginfo_t *info, void *context) {
    ucontext_t *c = context;
    note(info, c);
    if (again-- > 0) raise(SIGSYS);
    // The ordinary stack has at least a hundred KiB.
    char large[100 * 1024];
    char here;
    if (!(&here >= alternate && &here < alternate + SIZE)) memset(large, 1, sizeof large);
    __asm__ volatile("pxor %%xmm3, %%xmm3; pxor %%xmm9, %%xmm9" ::: "xmm3", "xmm9");
    if (info->si_code == 1) c->uc_mcontext.gregs[REG_RAX] = 4711;
}

static void try(const char *what, int flags, int masked, int times, bool send) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags}, now;
    if (masked) sigaddset(&action.sa_mask, SIGUSR1);
    if (masked > 1) sigaddset(&action.sa_mask, SIGSYS);
    NEED(sigaction(SIGSYS, &action, NULL));
    notes[0] = 0;
    again = times;
    long value = 0;
    unsigned long three = 0x3333333333333333, nine = 0x9999999999999999;
    __asm__ volatile("movq %0, %%xmm3; movq %1, %%xmm9" :: "r"(three), "r"(nine) : "xmm3", "xmm9");
    if (send) value = syscall(SYS_tgkill, getpid(), gettid(), SIGSYS);
    else value = syscall(SYS_sched_rr_get_interval, 0, NULL);
    __asm__ volatile("movq %%xmm3, %0; movq %%xmm9, %1" : "=r"(three), "=r"(nine));
    sigaction(SIGSYS, NULL, &now);
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    say("%s: %s value %ld, vectors %s, afterwards handler %d flags %x, SYS %d", what, notes, value,
        three == 0x3333333333333333 && nine == 0x9999999999999999 ? "kept" : "lost", now.sa_sigaction == handler,
        now.sa_flags & ~0x4000000, sigismember(&mask, SIGSYS));
}

static void all(const char *what) {
    say("%s", what);
    for (int send = 0; send < 2; send++) {
        try("plain", 0, 0, 0, send);
        try("on the alternate stack", SA_ONSTACK, 0, 0, send);
        try("masked", 0, 1, 0, send);
        try("masking itself", SA_NODEFER, 2, 0, send);
        try("once", SA_RESETHAND, 0, 0, send);
        try("within itself", SA_NODEFER, 0, 2, send);
        try("within itself on the alternate stack", SA_NODEFER | SA_ONSTACK, 0, 2, send);
        try("one after the other", 0, 0, 1, send);
    }
}

int main(void) {
    alternate = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_rr_get_interval, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP | 77),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = code};
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    all("without an alternate stack");
    NEED(sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = SIZE}, NULL));
    all("with one");
    NEED(sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = SIZE, .ss_flags = 1U << 31}, NULL));
    all("with one that disarms itself");
    // If it is blocked and a filter sends it, it ends the process.
    pid_t child = fork();
    if (child == 0) {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGSYS);
        sigprocmask(SIG_BLOCK, &set, NULL);
        syscall(SYS_sched_rr_get_interval, 0, NULL);
        _exit(1);
    }
    reap("blocked", child);
}
