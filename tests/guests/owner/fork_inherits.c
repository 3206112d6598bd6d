// A process's identity passes to its children and through exec.
// user: root
// syscalls: clone execve setresuid setresgid setgroups
#include "identity.h"

int main(int argc, char **argv) {
    if (argc > 1) {
        everything(argv[1]);
        return 0;
    }
    gid_t list[] = {5, 6, 7};
    NEED(setgroups(3, list));
    NEED(setresgid(1, 2, 3));
    NEED(setresuid(11, 12, 13));
    pid_t child = fork();
    if (child == 0) {
        everything("child");
        CALL(setresuid(12, 13, 11));
        run("/bin/guest", "grandchild");
        ids("child");
        _exit(0);
    }
    reap("child", child);
    everything("parent");
    run("/bin/guest", "exec");
    ids("saved id before");
    execl("/bin/guest", "guest", "itself", NULL);
}
