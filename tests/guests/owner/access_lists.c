// system.posix_acl_access: set, shown, changed by chmod, removed.
// user: root
// syscalls: setxattr lsetxattr getxattr listxattr removexattr chmod
#include "identity.h"
#include "lists.h"

int main(void) {
    file_of("f", 33, 33, 0640);
    CALL(set_list_("f", "access", LIST({OWNER, 6}, {USER, 7, 44}, {OWNING_GROUP, 4}, {MASK, 5}, {OTHER, 0})));
    show_list("f", "access");
    owner("f");
    CALL(chmod("f", 0620));
    show_list("f", "access");
    owner("f");
    CALL(chmod("f", 04777));
    show_list("f", "access");
    CALL(chown("f", 35, 36));
    show_list("f", "access");
    owner("f");
    CALL(set_list_("f", "access", LIST({OWNER, 6}, {OWNING_GROUP, 4}, {OTHER, 1})));
    show_list("f", "access");
    owner("f");
    CALL(set_list_("f", "access", LIST({OWNER, 6}, {OWNING_GROUP, 4})));
    CALL(set_list_("f", "access", LIST({OWNER, 6}, {USER, 7, 44}, {OWNING_GROUP, 4}, {OTHER, 1})));
    CALL(set_list_("f", "default", LIST({OWNER, 6}, {OWNING_GROUP, 4}, {OTHER, 1})));
    CALL(setxattr("f", "system.posix_acl_access", "", 0, 0));
    CALL(setxattr("f", "system.posix_acl_access", "\1\0\0\0", 4, 0));
    CALL(setxattr("f", "system.posix_acl_access", "\2\0\0", 3, 0));
    CALL(set_list_("f", "access", LIST({OWNER, 7}, {OWNING_GROUP, 4}, {GROUP, 2, 55}, {MASK, 7}, {OTHER, 1})));
    char list[256];
    CALL(listxattr("f", list, sizeof list));
    CALL(getxattr("f", "system.posix_acl_access", NULL, 0));
    CALL(getxattr("f", "system.posix_acl_access", list, 5));
    AS(35, 35) {
        CALL(set_list_("f", "access", LIST({OWNER, 6}, {USER, 7, 44}, {OWNING_GROUP, 4}, {MASK, 5}, {OTHER, 0})));
        show_list("f", "access");
    }
    AS(33, 33) {
        CALL(set_list_("f", "access", LIST({OWNER, 6}, {USER, 7, 44}, {OWNING_GROUP, 4}, {MASK, 5}, {OTHER, 0})));
        CALL(removexattr("f", "system.posix_acl_access"));
        show_list("f", "access");
    }
    CALL(removexattr("f", "system.posix_acl_access"));
    CALL(removexattr("f", "system.posix_acl_access"));
    owner("f");
    NEED(symlink("f", "l"));
    CALL(lsetxattr("l", "system.posix_acl_access", "\2\0\0\0", 4, 0));
}
