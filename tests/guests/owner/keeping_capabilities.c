// PR_SET_KEEPCAPS: the permitted set outlives root, the effective one doesn't.
// user: root
// syscalls: prctl setuid setresuid
#include "identity.h"

int main(int argc, char **argv) {
    if (argc > 1) {
        powers(argv[1]);
        return 0;
    }
    CALL(prctl(PR_SET_KEEPCAPS, 2));
    AS(33, 33) powers("without");
    CALL(prctl(PR_SET_KEEPCAPS, 1));
    AS(33, 33) {
        powers("with");
        CALL(setuid(0));
        struct capabilities c = get_capabilities();
        c.effective = 1ULL << CAP_SETUID;
        CALL(set_capabilities(c));
        CALL(setuid(0));
        powers("root again");
    }
    AS(33, 33) {
        powers("with");
        run("/bin/guest", "after exec");
    }
    CALL(setresuid(33, 33, 0));
    powers("saved 0");
    CALL(setresuid(33, 0, 0));
    powers("effective 0");
    CALL(setresuid(33, 33, 33));
    powers("all");
    CALL(prctl(PR_SET_KEEPCAPS, 0));
    powers("off");
}
