// setuid(2) and setgid(2): all ids for root, one for others.
// user: root
// syscalls: setuid setgid
#include "identity.h"

int main(void) {
    everything("root");
    CALL(setuid(-1));
    CALL(setgid(-1));
    CALL(setgid(44));
    ids("group 44");
    pid_t child = fork();
    if (child == 0) {
        CALL(setresuid(33, 33, 34));
        everything("user 33");
        CALL(setuid(34));
        ids("saved");
        CALL(setuid(35));
        CALL(setuid(0));
        CALL(setuid(33));
        CALL(setgid(44));
        CALL(setgid(45));
        ids("end");
        _exit(0);
    }
    reap("child", child);
    CALL(setuid(33));
    everything("all of it");
    CALL(setuid(0));
    CALL(setgid(0));
}
