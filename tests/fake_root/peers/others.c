// Calls that a process may make for another user's process, and root for any.
#include "identity.h"
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static void try(const char *whom, pid_t target) {
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)&errno_name, 1};
    there.iov_base = (void *)(uintptr_t)errno_name;
    say("read %s: %s", whom, errno_name(process_vm_readv(target, &here, 1, &there, 1, 0) < 0 ? errno : 0));
    say("kcmp %s: %s", whom, errno_name(syscall(SYS_kcmp, target, target, 0, 0, 0) < 0 ? errno : 0));
    struct rlimit limit;
    // Root of a container may not change these.
    if (geteuid()) say("prlimit %s: %s", whom, errno_name(prlimit(target, RLIMIT_CORE, NULL, &limit) < 0 ? errno : 0));
    if (geteuid()) say("prlimit locks of %s: %s", whom, errno_name(prlimit(target, 10, NULL, &limit) < 0 ? errno : 0));
    say("nice %s: %s", whom, errno_name(setpriority(PRIO_PROCESS, target, 5) < 0 ? errno : 0));
    cpu_set_t set;
    NEED(sched_getaffinity(0, sizeof set, &set));
    say("affinity %s: %s", whom, errno_name(sched_setaffinity(target, sizeof set, &set) < 0 ? errno : 0));
    struct sched_param p = {0};
    say("scheduler %s: %s", whom, errno_name(sched_setscheduler(target, SCHED_BATCH, &p) < 0 ? errno : 0));
    void *head;
    size_t size;
    say("robust list %s: %s", whom, errno_name(syscall(SYS_get_robust_list, target, &head, &size) < 0 ? errno : 0));
}

int main(void) {
    pid_t other = sleeper(33, 33, -1), root = sleeper(0, 0, -1);
    try("33", other);
    AS(33, 33) {
        try("33", other);
        try("root", root);
        try("self", getpid());
        try("nobody", 99999);
        say("seize root: %s", errno_name(ptrace(PTRACE_SEIZE, root, NULL, NULL) < 0 ? errno : 0));
        say("attach to root: %s", errno_name(ptrace(PTRACE_ATTACH, root, NULL, NULL) < 0 ? errno : 0));
        say("attach to nobody: %s", errno_name(ptrace(PTRACE_ATTACH, 99999, NULL, NULL) < 0 ? errno : 0));
        say("raise the priority: %s", errno_name(setpriority(PRIO_PROCESS, 0, -5) < 0 ? errno : 0));
        say("name the host: %s", errno_name(sethostname("x", 1) < 0 ? errno : 0));
        say("real time: %s", errno_name(sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){1}) < 0 ? errno : 0));
        struct rlimit l;
        NEED(getrlimit(RLIMIT_NOFILE, &l));
        l.rlim_max++;
        say("raise a limit: %s", errno_name(setrlimit(RLIMIT_NOFILE, &l) < 0 ? errno : 0));
    }
    say("raise the priority: %s", errno_name(setpriority(PRIO_PROCESS, 0, -5) < 0 ? errno : 0));
    // All processes of a user.
    pid_t second = sleeper(33, 33, -1);
    say("nice 33's: %s", errno_name(setpriority(PRIO_USER, 33, 7) < 0 ? errno : 0));
    say("nice nobody's: %s", errno_name(setpriority(PRIO_USER, 77, 7) < 0 ? errno : 0));
    AS(44, 44) {
        say("nice another's: %s", errno_name(setpriority(PRIO_USER, 33, 8) < 0 ? errno : 0));
        say("nice own: %s", errno_name(setpriority(PRIO_USER, 0, 9) < 0 ? errno : 0));
        say("own: %d", getpriority(PRIO_PROCESS, 0));
        say("nice the group: %s", errno_name(setpriority(PRIO_PGRP, 0, 10) < 0 ? errno : 0));
        say("I/O of another's: %s", errno_name(syscall(SYS_ioprio_set, 3, 33, 2 << 13) < 0 ? errno : 0));
        say("no such kind: %s", errno_name(setpriority(9, 0, 9) < 0 ? errno : 0));
    }
    say("33's: %d %d, root's: %d", getpriority(PRIO_PROCESS, other), getpriority(PRIO_PROCESS, second),
        getpriority(PRIO_PROCESS, root));
    struct rlimit l;
    NEED(getrlimit(10, &l));
    say("locks: %d %d", l.rlim_cur == RLIM_INFINITY, l.rlim_max == RLIM_INFINITY);
    NEED(sethostname("renamed", 7));
    char name[64];
    NEED(gethostname(name, sizeof name));
    say("host name: %s", name);
    return 0;
}
