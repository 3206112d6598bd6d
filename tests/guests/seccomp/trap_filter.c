// A guest filter's SECCOMP_RET_TRAP sends SIGSYS to the guest's own handler, which sets the result.
// syscalls: seccomp rt_sigaction rt_sigprocmask
#include "../facts.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <ucontext.h>

static volatile int count, number, data, code, arch;

static void handler(int s, siginfo_t *info, void *context) {
    ucontext_t *u = context;
    count++;
    number = info->si_syscall;
    data = info->si_errno;
    code = info->si_code;
    arch = info->si_arch;
    u->uc_mcontext.gregs[REG_RAX] = -EXDEV;
    struct stat st;
    if (stat("/data/link", &st) < 0) count += 100;
}

int main(void) {
    struct sock_filter program_code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rename, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP | 77),
    };
    struct sock_fprog program = {5, program_code};
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    NEED(sigaction(SIGSYS, &a, NULL));
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CALL(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    CALL(rename("/data/file", "/data/renamed"));
    say("count %d, rename %d, data %d, code %d, arch %d", count, number == SYS_rename, data, code, arch == AUDIT_ARCH_X86_64);
    CALL(syscall(SYS_getppid));
    say("count %d, getppid %d", count, number == SYS_getppid);
    CALL(renameat(AT_FDCWD, "/data/file", AT_FDCWD, "/data/renamed"));
    signal(SIGSYS, SIG_DFL);
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) {
            sigset_t set;
            sigfillset(&set);
            if (i == 1) sigprocmask(SIG_BLOCK, &set, NULL);
            if (i == 2) signal(SIGSYS, SIG_IGN);
            rename("/data/renamed", "/data/again");
            _exit(5);
        }
        reap("child", child);
    }
    list("/data");
}
