// Without privileges no process can join or make a namespace; an invalid descriptor is reported
// first.
// syscalls: setns unshare
#include "../facts.h"
#include <sched.h>
#include <sys/syscall.h>

static void joins(const char *path) {
    int fd = open(path, O_RDONLY);
    NEED(fd);
    say("join %s", path);
    CALL(setns(fd, 0));
    CALL(setns(fd, CLONE_NEWNS));
    CALL(setns(fd, CLONE_NEWUTS));
    CALL(setns(fd, CLONE_NEWNS | CLONE_NEWUTS));
    close(fd);
}

int main(void) {
    joins("/proc/self/ns/mnt");
    joins("/proc/self/ns/uts");
    joins("/data/file");

    pid_t pid = fork();
    if (pid == 0) pause();
    int process = syscall(SYS_pidfd_open, pid, 0);
    NEED(process);
    CALL(setns(process, 0));
    CALL(setns(process, CLONE_NEWNS));
    CALL(setns(process, CLONE_NEWUTS));
    CALL(setns(process, CLONE_NEWNS | CLONE_VM));
    kill(pid, SIGKILL);
    reap("child", pid);
    CALL(setns(process, CLONE_NEWNS));
    CALL(setns(process, CLONE_NEWUTS));

    CALL(unshare(CLONE_NEWNS));
    CALL(unshare(CLONE_NEWNS | CLONE_THREAD));
    CALL(unshare(CLONE_NEWNS | SIGCHLD));
    CALL(unshare(CLONE_NEWUTS));
}
