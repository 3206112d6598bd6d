// Attributes and access lists of FIFOs, links and devices.
// user: root
// syscalls: setxattr lsetxattr lgetxattr
#include "identity.h"
#include "lists.h"

int main(void) {
    NEED(mkfifo("p", 0600));
    NEED(symlink("x", "l"));
    NEED(mknod("null", S_IFCHR | 0600, makedev(1, 3)));
    CALL(set_list_("p", "access", LIST({OWNER, 6}, {USER, 7, 44}, {OWNING_GROUP, 4}, {MASK, 5}, {OTHER, 0})));
    owner("p");
    CALL(set_list_("null", "access", LIST({OWNER, 6}, {OWNING_GROUP, 4}, {OTHER, 4})));
    owner("null");
    CALL(setxattr("p", "trusted.x", "v", 1, 0));
    CALL(setxattr("null", "security.x", "v", 1, 0));
    CALL(lsetxattr("l", "trusted.x", "v", 1, 0));
    CALL(lgetxattr("l", "trusted.x", NULL, 0));
    CALL(lsetxattr("l", "user.x", "v", 1, 0));
    CALL(setxattr("p", "user.x", "v", 1, 0));
    NEED(unlink("p"));
    NEED(unlink("l"));
    NEED(unlink("null"));
}
