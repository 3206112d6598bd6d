// A host directory that is also the guest's root can be seen below the root as well.
// bind: ../root:/inside
// syscalls: chdir getcwd rename
#include "../facts.h"

static void here(void) {
    char cwd[PATH_MAX];
    say("in %s", getcwd(cwd, sizeof cwd) ? cwd : errno_name(errno));
}

int main(void) {
    show("/inside/data/file");
    CALL(chdir("/inside/data"));
    here();
    show("file");
    CALL(chdir("../.."));
    here();
    CALL(chdir("/inside/here"));
    put("made", "once\n");
    show("/here/made");
    CALL(chdir("/here"));
    here();
    show("/inside/data/link");
    show("/inside/data/abs");
    CALL(rename("/inside/here/made", "/here/moved"));
    CALL(rename("/inside/here/made", "/inside/here/moved"));
    list("/here");
}
