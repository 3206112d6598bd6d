// A vfork child that becomes another user leaves its parent's identity unchanged.
// user: root
// syscalls: vfork setresuid setresgid setgroups
#include "identity.h"
#include <sched.h>

static char stack[1 << 16] __attribute__((aligned(16)));

static int other(void *unused) {
    (void)unused;
    syscall(SYS_setresgid, 8, 8, 8);
    syscall(SYS_setresuid, 7, 7, 7);
    ids("clone's child");
    CALL(open("/here/secret", O_RDONLY));
    return 0;
}

int main(void) {
    file_of("secret", 0, 0, 0600);
    pid_t child = vfork();
    if (child == 0) {
        syscall(SYS_setgroups, 0, NULL);
        syscall(SYS_setresgid, 33, 33, 33);
        syscall(SYS_setresuid, 34, 34, 34);
        ids("vfork's child");
        CALL(open("/here/secret", O_RDONLY));
        _exit(0);
    }
    everything("parent");
    CALL(open("/here/secret", O_RDONLY) >= 0);
    child = clone(other, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    reap("clone", child);
    everything("parent");
    child = vfork();
    if (child == 0) {
        syscall(SYS_setresuid, 34, 34, 34);
        execl("/bin/report", "report", "x", NULL);
        _exit(1);
    }
    reap("vfork and exec", child);
    everything("parent");
    child = vfork();
    if (child == 0) {
        syscall(SYS_setresuid, 34, 34, 34);
        execl("/bin/none", "none", NULL);
        ids("exec failed");
        _exit(1);
    }
    reap("vfork and no exec", child);
    ids("parent");
}
