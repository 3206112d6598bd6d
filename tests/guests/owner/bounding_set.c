// PR_CAPBSET_DROP: capabilities that root's exec can't regain.
// user: root
// syscalls: prctl execve
#include "identity.h"

int main(int argc, char **argv) {
    if (argc > 1) {
        powers(argv[1]);
        CALL(chown("/here/f", 1, 1));
        CALL(setuid(33));
        return 0;
    }
    put("f", "");
    CALL(prctl(PR_CAPBSET_READ, 41, 0, 0, 0));
    CALL(prctl(PR_CAPBSET_READ, 0, 0, 0, 0));
    CALL(prctl(PR_CAPBSET_DROP, 99, 0, 0, 0));
    CALL(prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0));
    CALL(prctl(PR_CAPBSET_DROP, CAP_SETUID, 0, 0, 0));
    CALL(prctl(PR_CAPBSET_READ, 0, 0, 0, 0));
    powers("before");
    CALL(chown("f", 2, 2));
    run("/bin/guest", "after exec");
    AS(33, 33) CALL(prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0));
    owner("f");
}
