// Calls that even root of a container may not make. Only a user who can't make them may run this:
// otherwise nothing here is harmless.
#include "identity.h"
#include <sched.h>
#include <sys/timex.h>

static void refused(void) {
    struct timespec now;
    NEED(clock_gettime(CLOCK_REALTIME, &now));
    CALL(clock_settime(CLOCK_REALTIME, &now));
    CALL(syscall(SYS_settimeofday, NULL, NULL));
    struct timex t = {.modes = ADJ_MAXERROR};
    CALL(adjtimex(&t));
    CALL(syscall(SYS_reboot, 1, 2, 3, NULL));
    CALL(syscall(SYS_init_module, NULL, 0, ""));
    CALL(syscall(SYS_delete_module, "none", 0));
    CALL(syscall(SYS_swapoff, "/none"));
    CALL(syscall(SYS_acct, "/none"));
    CALL(syscall(SYS_iopl, 3));
    CALL(syscall(SYS_ioperm, 0x80, 1, 1));
    CALL(unshare(CLONE_NEWNS));
    CALL(unshare(CLONE_NEWPID));
    CALL(unshare(CLONE_NEWNET));
    CALL(unshare(CLONE_NEWUTS | 0x80 /* of time */));
    CALL(unshare(0x10000000 /* a user namespace */));
    CALL(syscall(SYS_clone, 0x10000000 | SIGCHLD, NULL, NULL, NULL, NULL));
    CALL(unshare(CLONE_FS));
    CALL(syscall(SYS_vhangup));
    CALL(syscall(SYS_kexec_load, 0, 0, NULL, 0));
}

int main(void) {
    refused();
    AS(33, 33) refused();
    return 0;
}
