// PR_SET_NO_NEW_PRIVS: from then on set-user-ID has no effect.
// user: root
// syscalls: prctl execve
#include "identity.h"

int main(int argc, char **argv) {
    if (argc > 1) {
        everything(argv[1]);
        say("AT_SECURE %ld", getauxval(AT_SECURE));
        return 0;
    }
    program_of("/bin/guest", "set", 0, 55, 06755);
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
    CALL(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
    AS(33, 33) run("./set", "allowed");
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    CALL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    AS(33, 33) run("./set", "forbidden");
    CALL(setuid(44));
    everything("dropped");
}
