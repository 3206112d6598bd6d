// A vfork child's filter is its own, although it shares its parent's memory.
// syscalls: seccomp prctl vfork
#include "../filters.h"
#include <sched.h>

int main(int argc, char **argv) {
    (void)argv;
    CALL(mkdir("x", 0755));
    CALL(rmdir("x"));
    if (argc > 1) return 0;
    pid_t child = vfork();
    if (child == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) _exit(96);
        if (answer(SYS_mkdir, SECCOMP_RET_ERRNO | EDQUOT, 0) < 0) _exit(96);
        CALL(mkdir("x", 0755));
        execl("/bin/guest", "guest", "child", NULL);
        _exit(97);
    }
    reap("child", child);
    CALL(mkdir("x", 0755));
    CALL(rmdir("x"));
    execl("/bin/guest", "guest", "parent", NULL);
}
