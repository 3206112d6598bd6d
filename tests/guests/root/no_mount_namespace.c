// Root makes and joins mount namespaces, also in a chroot.
// user: root
// syscalls: clone unshare setns
#include "../facts.h"
#include <sched.h>
#include <sys/syscall.h>

static void report(const char *what, pid_t pid) {
    int status = 0;
    if (pid > 0) NEED(waitpid(pid, &status, 0));
    int error = pid < 0 ? errno : WEXITSTATUS(status);
    say("%s: %s", what, error ? errno_name(error) : "done");
}

static int join_own(int kind) {
    int own = open("/proc/self/ns/mnt", O_RDONLY);
    return own < 0 ? -1 : setns(own, kind);
}

int main(void) {
    report("clone", syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, NULL, NULL, 0) ?: (_exit(0), 0));
    pid_t pid = fork();
    if (pid == 0) _exit(unshare(CLONE_NEWNS) < 0 ? errno : 0);
    report("unshare", pid);
    pid = fork();
    if (pid == 0) _exit(join_own(0) < 0 ? errno : 0);
    report("join one's own", pid);
    pid = fork();
    if (pid == 0) _exit(join_own(CLONE_NEWNS) < 0 ? errno : 0);
    report("join one's own, as such", pid);
    pid = fork();
    if (pid == 0) _exit(unshare(CLONE_NEWUTS) < 0 ? errno : 0);
    report("unshare another", pid);
}
