// Calls that a filter leaves to a tracer or a supervisor: without one the call fails with ENOSYS,
// else they decide.
// syscalls: seccomp ptrace ioctl
#include "../filters.h"
#include <sys/ioctl.h>
#include <sys/ptrace.h>

static int listener;

static void *supervise(void *unused) {
    struct seccomp_notif asked;
    struct seccomp_notif_resp answer;
    for (;;) {
        memset(&asked, 0, sizeof asked);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) < 0) return unused;
        bool last = asked.data.nr == SYS_getppid;
        say("the supervisor is asked: %s", last ? "getppid" : asked.data.nr == SYS_mkdir ? "mkdir" : "another");
        memset(&answer, 0, sizeof answer);
        answer.id = asked.id;
        answer.error = -EXDEV;
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
        if (last) return unused;
    }
}

static void traced(void) {
    pid_t child = fork();
    if (child == 0) {
        NEED(ptrace(PTRACE_TRACEME, 0, 0, 0));
        raise(SIGSTOP);
        CALL(answer(SYS_getppid, SECCOMP_RET_TRACE | 3, 0));
        CALL(answer(SYS_rmdir, SECCOMP_RET_TRACE | 4, 0));
        syscall(SYS_getppid);
        _exit(rmdir("x") < 0);
    }
    int status;
    NEED(waitpid(child, &status, 0));
    CALL(ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESECCOMP));
    for (int signal = 0;;) {
        NEED(ptrace(PTRACE_CONT, child, 0, signal));
        NEED(waitpid(child, &status, 0));
        if (!WIFSTOPPED(status)) break;
        bool at_filter = status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8);
        signal = at_filter ? 0 : WSTOPSIG(status);
        if (!at_filter) continue;
        unsigned long message = 0;
        ptrace(PTRACE_GETEVENTMSG, child, 0, &message);
        say("the tracer is told: %lu", message);
    }
    say("traced child: %d", WEXITSTATUS(status));
}

int main(void) {
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CALL(mkdir("x", 0755));
    traced();
    CALL(rmdir("x"));

    pid_t child = fork();
    if (child == 0) {
        CALL(answer(SYS_getppid, SECCOMP_RET_TRACE, 0));
        CALL(answer(SYS_mkdir, SECCOMP_RET_TRACE, 0));
        say("getppid: %s", syscall(SYS_getppid) < 0 ? errno_name(errno) : "a number");
        CALL(mkdir("y", 0755));
        _exit(0);
    }
    reap("child without a tracer", child);
    rmdir("y");

    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    NEED(listener);
    pthread_t thread;
    pthread_create(&thread, NULL, supervise, NULL);
    CALL(mkdir("z", 0755));
    say("z %s", access("z", F_OK) < 0 ? errno_name(errno) : "is there");
    rmdir("z");
    CALL(syscall(SYS_getppid));
    pthread_join(thread, NULL);
}
