// clone3 can clear every handler in the child, so newroot reports it as missing; libraries fall
// back to clone.
// syscalls: clone3
#include "../facts.h"
#include <linux/sched.h>

int main(void) {
    struct clone_args arguments = {.exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &arguments, sizeof arguments);
    if (pid == 0) _exit(access("/bound/abs", R_OK) ? 1 : 3);
    if (pid < 0) say("clone3: %s", errno_name(errno));
    else reap("clone3", pid);
}
