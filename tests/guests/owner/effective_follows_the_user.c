// The effective set is cleared when the effective user is no longer 0, and filled when it is again.
// user: root
// syscalls: setresuid setreuid
#include "identity.h"

int main(void) {
    CALL(seteuid(33));
    powers("effective 33");
    CALL(open("/data/unreadable", O_RDONLY));
    CALL(setgid(4));
    CALL(chown("/here", 3, 3));
    CALL(seteuid(0));
    powers("effective 0");
    CALL(setreuid(33, 0));
    powers("real 33");
    CALL(setreuid(0, 33));
    powers("swapped");
    CALL(setresuid(33, 33, 33));
    powers("none");
    CALL(seteuid(0));
}
