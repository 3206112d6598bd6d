// A tracer that attaches later sees a sleeping call as the guest made it, and all further calls.
// syscalls: ptrace ppoll accept access
#include "trace.h"
#include <poll.h>

static int sleeper(int how) {
    sigset_t set;
    sigemptyset(&set);
    // Often enough for the call site to be patched.
    for (int i = 0; i < 300; i++) access("/data/file", F_OK);
    if (how == 0) {
        struct timespec long_time = {3, 0};
        syscall(SYS_ppoll, NULL, 0, &long_time, &set, 8);
    } else {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/here/socket"}, other;
        socklen_t len = sizeof other;
        NEED(bind(fd, (struct sockaddr *)&name, sizeof name));
        NEED(listen(fd, 1));
        close(syscall(SYS_accept, fd, &other, &len));
    }
    for (int i = 0; i < 3; i++) access("/data/dir", F_OK);
    return 3;
}

static void follow(int how, bool seize) {
    pid_t child = fork();
    if (child == 0) _exit(sleeper(how));
    usleep(100000);
    while (!sleeps(child)) usleep(1000);
    int options = PTRACE_O_TRACESYSGOOD;
    if (seize) {
        NEED(ptrace(PTRACE_SEIZE, child, NULL, options));
        NEED(ptrace(PTRACE_INTERRUPT, child, NULL, NULL));
    } else {
        NEED(ptrace(PTRACE_ATTACH, child, NULL, NULL));
    }
    say("%s", status_name(next(child)));
    if (!seize) NEED(ptrace(PTRACE_SETOPTIONS, child, NULL, options));
    struct user_regs_struct r = registers(child);
    say("in call %lld, behind its instruction: %d", r.orig_rax, behind_syscall(child, r.rip));
    for (int stops = 0; stops < 14; stops++) {
        NEED(ptrace(PTRACE_SYSCALL, child, NULL, NULL));
        if (stops == 0 && how == 1) {
            int fd = socket(AF_UNIX, SOCK_STREAM, 0);
            struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/here/socket"};
            NEED(connect(fd, (struct sockaddr *)&name, sizeof name));
            close(fd);
            NEED(unlink("/here/socket"));
        }
        if (stops == 1 && how == 0) {
            usleep(50000);
            NEED(kill(child, SIGWINCH));
        }
        int status = next(child);
        if (!WIFSTOPPED(status)) {
            say("%s", status_name(status));
            return;
        }
        r = registers(child);
        say("%s: call %lld, behind its instruction: %d", status_name(status), r.orig_rax,
            behind_syscall(child, r.rip));
        if (r.orig_rax == SYS_access) say_string(child, " ", r.rdi);
        if (how == 0 && WSTOPSIG(status) == SIGWINCH) {
            NEED(ptrace(PTRACE_DETACH, child, NULL, NULL));
            break;
        }
    }
    NEED(kill(child, SIGKILL));
    say("%s", status_name(next(child)));
}

int main(void) {
    follow(0, false);
    follow(0, true);
    follow(1, false);
    follow(1, true);
}
