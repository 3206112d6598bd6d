// After fork and exec each process sees the same guest from its own working directory.
// syscalls: clone execve waitid
#include "../facts.h"

static void tree(int depth) {
    char cwd[PATH_MAX];
    say("depth %d in %s", depth, getcwd(cwd, sizeof cwd));
    if (depth == 4) return;
    static const char *const steps[] = {"/bound", "dirlink", "../../data/absdir", "deep"};
    pid_t child = fork();
    if (child == 0) {
        NEED(chdir(steps[depth]));
        tree(depth + 1);
        _exit(depth);
    }
    reap("child", child);
    say("depth %d still in %s", depth, getcwd(cwd, sizeof cwd));
}

int main(int argc, char **argv) {
    if (argc > 1) {
        tree(3);
        return 0;
    }
    tree(0);
    int fd = open("/bound", O_RDONLY);
    pid_t child = fork();
    if (child == 0) {
        NEED(fchdir(fd));
        NEED(chdir("../data/dir"));
        execl("../../bin/guest", "guest", "x", NULL);
        _exit(9);
    }
    reap("exec", child);
    struct rusage usage;
    int status;
    child = fork();
    if (child == 0) _exit(11);
    NEED(wait4(child, &status, 0, &usage));
    say("wait4: %d", WEXITSTATUS(status));
    child = fork();
    if (child == 0) _exit(12);
    siginfo_t info;
    NEED(waitid(P_PID, child, &info, WEXITED));
    say("waitid: %d", info.si_status);
    child = fork();
    if (child == 0) _exit(13);
    int pidfd = syscall(SYS_pidfd_open, child, 0);
    NEED(waitid(P_PIDFD, pidfd, &info, WEXITED));
    say("pidfd: %d", info.si_status);
}
