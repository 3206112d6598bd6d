// The limit on locks has its usual value, and can be set like any other limit.
// user: root
// syscalls: getrlimit prlimit64
#include "identity.h"

int main(void) {
    struct rlimit l;
    CALL(getrlimit(RLIMIT_LOCKS, &l));
    say("%d %d", l.rlim_cur == RLIM_INFINITY, l.rlim_max == RLIM_INFINITY);
    CALL(syscall(SYS_getrlimit, RLIMIT_LOCKS, &l));
    say("%d %d", l.rlim_cur == RLIM_INFINITY, l.rlim_max == RLIM_INFINITY);
    CALL(syscall(SYS_prlimit64, getpid(), RLIMIT_LOCKS, NULL, &l));
    say("%d %d", l.rlim_cur == RLIM_INFINITY, l.rlim_max == RLIM_INFINITY);
    CALL(syscall(SYS_getrlimit, RLIMIT_LOCKS, NULL));
    ids("still");
}
