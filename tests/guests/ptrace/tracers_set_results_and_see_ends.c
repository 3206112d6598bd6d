// A tracer that skips a call at its entry can set the result there; a tracee that is killed during
// a stop stops once more at its exit; no process is traced twice.
// syscalls: ptrace open
#include "trace.h"

static pid_t stopped(int (*run)(void)) {
    pid_t child = fork();
    if (child == 0) {
        NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        raise(SIGSTOP);
        _exit(run());
    }
    say("%s", status_name(next(child)));
    return child;
}

static int parent_is_42(void) { return syscall(SYS_getppid) == 42 ? 0 : 1; }
static int opened_as_42(void) { return syscall(SYS_open, "/data/file", O_RDONLY) == 42 ? 0 : 1; }

static void skip(int (*run)(void), long number) {
    pid_t child = stopped(run);
    int status;
    do {
        NEED(ptrace(PTRACE_SYSCALL, child, NULL, NULL));
        status = next(child);
    } while (WIFSTOPPED(status) && registers(child).orig_rax != number);
    struct user_regs_struct r = registers(child);
    r.orig_rax = -1;
    r.rax = 42;
    NEED(ptrace(PTRACE_SETREGS, child, NULL, &r));
    NEED(ptrace(PTRACE_CONT, child, NULL, NULL));
    say("skipped: %s", status_name(next(child)));
}

static int three(void) { return 3; }

static int by_vfork(void) {
    // Shared with the child.
    volatile long first = 0, second = 0;
    volatile int first_errno = 0, second_errno = 0;
    pid_t child = vfork();
    if (child == 0) {
        first = ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        first_errno = errno;
        second = ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        second_errno = errno;
        _exit(0);
    }
    waitpid(child, NULL, 0);
    say("a vfork's child: %s, then %s", first < 0 ? errno_name(first_errno) : "traced", second < 0 ? errno_name(second_errno) : "traced");
    return 0;
}

static int again(void) {
    CALL(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    return by_vfork();
}

int main(void) {
    skip(parent_is_42, SYS_getppid);
    skip(opened_as_42, SYS_open);

    pid_t child = stopped(three);
    NEED(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACEEXIT));
    kill(child, SIGKILL);
    say("killed: %s", status_name(next(child)));
    NEED(ptrace(PTRACE_CONT, child, NULL, NULL));
    say("then: %s", status_name(next(child)));

    // Its children are traced, too.
    child = stopped(again);
    NEED(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL));
    NEED(ptrace(PTRACE_CONT, child, NULL, NULL));
    for (;;) {
        int status;
        pid_t who = waitpid(-1, &status, __WALL);
        if (who < 0) break;
        if (!WIFSTOPPED(status)) {
            if (who == child) say("the one that asked again: %s", status_name(status));
            continue;
        }
        int signal = status >> 16 || WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
        ptrace(PTRACE_CONT, who, NULL, signal);
    }
}
