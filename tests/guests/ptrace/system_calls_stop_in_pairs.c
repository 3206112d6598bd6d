// Each call stops twice, at the guest's own instruction and with the guest's own number and
// arguments; the tracer's changes take effect.
// syscalls: ptrace access open stat ppoll sendto recvmsg wait4 vfork
#include "trace.h"
#include <poll.h>

static char replacement[] = "/data/dir";

static int traced(void) {
    struct stat s;
    sigset_t set;
    struct timespec soon = {0, 1000000};
    sigemptyset(&set);
    // A stop for SIGCHLD could come anywhere.
    sigaddset(&set, SIGCHLD);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8);
    syscall(SYS_getppid);
    syscall(SYS_access, "/data/file", F_OK);
    int fd = syscall(SYS_open, "/data/link", O_RDONLY);
    syscall(SYS_stat, "/data/none", &s);
    syscall(SYS_close, fd);
    syscall(SYS_ppoll, NULL, 0, &soon, &set, 8);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8);
    int pair[2];
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    syscall(SYS_sendto, pair[0], "x", 1, 0, NULL, 0);
    char c;
    struct iovec part = {&c, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    syscall(SYS_recvmsg, pair[1], &message, 0);
    pid_t child = vfork();
    if (child == 0) _exit(3);
    syscall(SYS_wait4, child, NULL, 0, NULL);
    // The tracer changes these.
    say("access of another file: %ld", syscall(SYS_access, "/data/none", F_OK));
    say("another call: %d", syscall(SYS_access, "/data/none", F_OK) > 0);
    say("another result: %ld", syscall(SYS_access, "/data/file", F_OK));
    syscall(SYS_getppid);
    return 7;
}

int main(int argc, char **argv) {
    if (argc > 1) return traced();
    pid_t child = fork();
    if (child == 0) {
        NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        raise(SIGSTOP);
        execl("/bin/guest", "guest", "x", NULL);
        _exit(9);
    }
    say("%s", status_name(next(child)));
    NEED(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD));
    int status, marks = 0, accesses = 0;
    bool inside = false;
    for (;;) {
        NEED(ptrace(PTRACE_SYSCALL, child, NULL, NULL));
        status = next(child);
        if (!WIFSTOPPED(status)) break;
        if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
            say("%s", status_name(status));
            continue;
        }
        struct user_regs_struct r = registers(child);
        struct { unsigned char op; unsigned char rest[127]; } info = {0};
        NEED(ptrace(0x420e, child, sizeof info, &info)); // PTRACE_GET_SYSCALL_INFO
        inside = info.op == 1;
        if (inside && r.orig_rax == SYS_getppid) marks++;
        if (marks != 1 || r.orig_rax == SYS_write) continue;
        say("%s %lld%s, behind its instruction: %d", inside ? "begin" : "end", r.orig_rax,
            inside && (long)r.rax == -ENOSYS ? " with ENOSYS" : "", behind_syscall(child, r.rip));
        long result = r.rax;
        bool number = r.orig_rax == SYS_getppid || r.orig_rax == SYS_vfork || r.orig_rax == SYS_wait4;
        if (!inside) say("  = %s", result < 0 ? errno_name(-result) : number || r.orig_rax == SYS_open ? "some" : "0 or more");
        if (r.orig_rax == SYS_access || r.orig_rax == SYS_open || r.orig_rax == SYS_stat)
            say_string(child, " ", r.rdi);
        if (r.orig_rax == SYS_access && inside) {
            accesses++;
            if (accesses == 2) r.rdi = (unsigned long)replacement;
            if (accesses == 3) r.orig_rax = SYS_getpid;
            NEED(ptrace(PTRACE_SETREGS, child, NULL, &r));
        }
        if (r.orig_rax == SYS_access && !inside && accesses == 4) {
            r.rax = 77;
            NEED(ptrace(PTRACE_SETREGS, child, NULL, &r));
        }
    }
    say("%s", status_name(status));
}
