// PR_CAP_AMBIENT: capabilities that an ordinary user's exec keeps.
// user: root
// syscalls: prctl execve
#include "identity.h"

int main(int argc, char **argv) {
    if (argc > 1) {
        everything(argv[1]);
        say("AT_SECURE %ld", getauxval(AT_SECURE));
        CALL(chown("/here/f", 9, 9));
        return 0;
    }
    file_of("f", 1, 1, 0600);
    program_of("/bin/guest", "set", 34, 34, 04755);
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
    struct capabilities c = get_capabilities();
    c.inheritable = 1ULL << CAP_CHOWN | 1ULL << CAP_KILL;
    NEED(set_capabilities(c));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 77, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 1, 0));
    CALL(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 3, 0, 0));
    CALL(prctl(PR_CAP_AMBIENT, 9, 0, 0, 0));
    NEED(prctl(PR_SET_KEEPCAPS, 1));
    AS(33, 33) {
        powers("as 33");
        run("/bin/guest", "ambient");
        run("./set", "set-user-ID");
        NEED(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
        run("/bin/guest", "cleared");
    }
    owner("f");
}
