// A tracer that ends during its tracee's calls leaves the tracee running, or kills it.
// syscalls: ptrace
#include "trace.h"
#include <sys/prctl.h>

static void try(const char *how, int request, int options) {
    int report[2];
    NEED(pipe(report));
    pid_t tracer = fork();
    if (tracer == 0) {
        pid_t child = fork();
        if (child == 0) {
            struct stat s;
            close(report[0]);
            NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
            raise(SIGSTOP);
            for (int i = 0; options || i < 2000; i++)
                if (stat("/bound/abs", &s) < 0 || s.st_size != 5) {
                    NEED(write(report[1], "wrong", 5));
                    _exit(1);
                }
            NEED(write(report[1], "right", 5));
            _exit(0);
        }
        close(report[0]);
        close(report[1]);
        next(child);
        NEED(ptrace(PTRACE_SETOPTIONS, child, NULL, options));
        NEED(ptrace(request, child, NULL, NULL));
        for (int i = 0; i < 5 && request == PTRACE_SYSCALL; i++) {
            next(child);
            // The last request is PTRACE_CONT, so that no stop for a call can come first.
            NEED(ptrace(i < 4 ? request : PTRACE_CONT, child, NULL, NULL));
        }
        _exit(0);
    }
    close(report[1]);
    char text[16];
    ssize_t n = read(report[0], text, sizeof text);
    say("%s: \"%.*s\"", how, (int)(n < 0 ? 0 : n), text);
    close(report[0]);
    reap("tracer", tracer);
}

int main(void) {
    NEED(prctl(PR_SET_CHILD_SUBREAPER, 1));
    try("continued", PTRACE_CONT, 0);
    try("from call to call", PTRACE_SYSCALL, 0);
    try("from call to call, to be killed", PTRACE_SYSCALL, PTRACE_O_EXITKILL);
    while (wait(NULL) > 0 || errno == EINTR) {}
}
