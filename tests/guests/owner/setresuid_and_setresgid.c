// setresuid(2) and setresgid(2): each id may become any of the three, and -1 keeps it.
// user: root
// syscalls: setresuid setresgid getresuid getresgid
#include "identity.h"

int main(void) {
    CALL(setresuid(-1, -1, -1));
    CALL(setresgid(10, 11, 12));
    ids("groups");
    CALL(setresuid(20, 21, 22));
    everything("users");
    CALL(setresuid(21, 22, 20));
    CALL(setresuid(-1, 20, -1));
    CALL(setresuid(-1, 23, -1));
    CALL(setresuid(0, -1, -1));
    ids("users");
    CALL(setresgid(12, 10, 11));
    CALL(setresgid(13, -1, -1));
    CALL(setresgid(-1, -1, 0));
    ids("end");
    CALL(syscall(SYS_getresuid, NULL, NULL, NULL));
    uid_t u;
    CALL(syscall(SYS_getresuid, &u, &u, (uid_t *)1));
    CALL(syscall(SYS_getresgid, &u, (uid_t *)1, &u));
}
