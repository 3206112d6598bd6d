// PR_SET_SECUREBITS: locks, no fix-up of capabilities, no root.
// user: root
// syscalls: prctl setuid execve
#include "identity.h"

int main(int argc, char **argv) {
    if (argc > 1) {
        powers(argv[1]);
        return 0;
    }
    CALL(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
    AS(33, 33) {
        powers("no fix-up");
        CALL(setuid(0));
        powers("back");
    }
    CALL(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
    run("/bin/guest", "no root");
    powers("itself");
    CALL(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED));
    CALL(prctl(PR_SET_KEEPCAPS, 0));
    CALL(prctl(PR_SET_KEEPCAPS, 1));
    CALL(prctl(PR_SET_SECUREBITS, 0));
    CALL(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED));
    powers("locked");
    run("/bin/guest", "after exec");
    CALL(prctl(PR_SET_SECUREBITS, 1 << 20));
    CALL(prctl(PR_SET_SECUREBITS, -1L));
    AS(33, 33) {
        CALL(prctl(PR_SET_SECUREBITS, 0));
        CALL(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
    }
}
