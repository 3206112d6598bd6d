// A process in a chroot gets no user namespace; invalid combinations of flags are reported first.
// syscalls: unshare setns clone
#include "../facts.h"
#include <sched.h>
#include <sys/syscall.h>

static char stack[64 * 1024] __attribute__((aligned(64)));

static int idle(void *nothing) {
    (void)nothing;
    pause();
    return 0;
}

static void unshared(const char *what, unsigned long flags) {
    pid_t pid = fork();
    if (pid == 0) _exit(syscall(SYS_unshare, flags) < 0 ? errno : 0);
    int status = 0;
    NEED(waitpid(pid, &status, 0));
    say("unshare %s: %s", what, WEXITSTATUS(status) ? errno_name(WEXITSTATUS(status)) : "done");
}

static void cloned(const char *what, unsigned long flags) {
    int tid = 0;
    long pid = syscall(SYS_clone, flags, 0, &tid, NULL, 0);
    if (pid == 0) _exit(5);
    if (pid > 0) NEED(waitpid(pid, NULL, __WALL));
    say("clone %s: %s", what, pid > 0 ? "done" : errno_name(errno));
}

int main(void) {
    unshared("user", CLONE_NEWUSER);
    unshared("user and mounts", CLONE_NEWUSER | CLONE_NEWNS);
    unshared("user, processes and network", CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET);
    unshared("user and what is shared", CLONE_NEWUSER | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM);
    unshared("user and VFORK", CLONE_NEWUSER | CLONE_VFORK);
    unshared("user and a signal", CLONE_NEWUSER | SIGCHLD);
    unshared("user and high bits", CLONE_NEWUSER | 1UL << 32);

    cloned("user", CLONE_NEWUSER | SIGCHLD);
    cloned("user, mounts and processes", CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | SIGCHLD);
    cloned("user and memory", CLONE_NEWUSER | CLONE_VFORK | SIGCHLD);
    cloned("user and FS", CLONE_NEWUSER | CLONE_FS | SIGCHLD);
    cloned("user and SIGHAND", CLONE_NEWUSER | CLONE_SIGHAND | SIGCHLD);
    cloned("user and THREAD", CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM);
    cloned("mounts and FS", CLONE_NEWNS | CLONE_FS | SIGCHLD);
    cloned("mounts and THREAD alone", CLONE_NEWNS | CLONE_THREAD);
    cloned("user and a descriptor", CLONE_NEWUSER | CLONE_PIDFD | SIGCHLD);
    cloned("user and two results", CLONE_NEWUSER | CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD);
    cloned("high bits", 1UL << 60 | SIGCHLD);

    int own = open("/proc/self/ns/user", O_RDONLY);
    NEED(own);
    CALL(setns(own, 0));
    CALL(setns(own, CLONE_NEWUSER));
    CALL(setns(own, CLONE_NEWNS));
    CALL(setns(own, CLONE_NEWUSER | CLONE_NEWNS));
    CALL(setns(0, CLONE_NEWUSER));
    CALL(setns(-1, CLONE_NEWUSER));
    CALL(setns(-1, 0));

    // The other thread ends with the process. A process with two threads may not leave its user
    // namespace.
    NEED(clone(idle, stack + sizeof stack, CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, NULL));
    CALL(unshare(CLONE_NEWUSER));
    CALL(unshare(CLONE_NEWUSER | CLONE_NEWNS));
    CALL(unshare(CLONE_NEWUSER | CLONE_VFORK));
    fflush(stdout);
    syscall(SYS_exit_group, 0);
}
