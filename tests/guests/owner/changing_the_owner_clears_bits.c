// chown by any user clears set-user-ID and set-group-ID of files.
// user: root
// syscalls: chown
#include "identity.h"

static void on(const char *what, mode_t mode, bool directory, uid_t uid, gid_t gid) {
    if (directory) directory_of("x", 33, 33, mode);
    else file_of("x", 33, 33, mode);
    if (chown("x", uid, gid)) say("%s: %s", what, errno_name(errno));
    else say("%s", what);
    owner("x");
    AS(33, 33) {
        if (chmod("x", mode)) say("chmod: %s", errno_name(errno));
        if (chown("x", -1, 33)) say("chown: %s", errno_name(errno));
        owner("x");
    }
    NEED(remove("x"));
}

int main(void) {
    on("other user", 06755, false, 34, -1);
    on("other group", 06755, false, -1, 34);
    on("nothing", 06755, false, -1, -1);
    on("same", 06755, false, 33, 33);
    on("no group execution", 06745, false, 34, 34);
    on("nobody's execution", 06644, false, 34, 34);
    on("directory", 07755, true, 34, 34);
    on("directory, nothing", 07755, true, -1, -1);
    on("sticky file", 01755, false, 34, 34);
    on("zero", 06755, false, 0, 0);
}
