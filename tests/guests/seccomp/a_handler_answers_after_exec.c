// Filters that send SIGSYS or kill also hold after an exec; a stacked filter can't allow what they
// refuse.
// syscalls: seccomp prctl execve
#include "../filters.h"

static void on_sys(int number, siginfo_t *info, void *context) {
    (void)context;
    say("signal %d, code %d, data %d, call %s", number, info->si_code, info->si_errno,
        info->si_syscall == SYS_mkdir ? "mkdir" : "another");
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc == 1) {
        NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        deny(SYS_mkdir, EDQUOT);
        NEED(answer(SYS_mkdir, SECCOMP_RET_TRAP | 77, 0));
        NEED(answer(SYS_rmdir, SECCOMP_RET_KILL_PROCESS, 0));
        NEED(answer(SYS_rmdir, SECCOMP_RET_ALLOW, 0));
        execl("/bin/guest", "guest", "again", NULL);
    }
    struct sigaction action = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
    NEED(sigaction(SIGSYS, &action, NULL));
    mkdir("x", 0755);
    CALL(access("x", F_OK));
    pid_t child = fork();
    if (child == 0) {
        rmdir("x");
        _exit(1);
    }
    reap("child", child);
    CALL(mkdirat(AT_FDCWD, "x", 0755));
    show("/data/link");
}
