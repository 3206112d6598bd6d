// The store of records is hidden from the guest.
// user: root
// syscalls: newfstatat openat chdir rmdir rename mkdir listxattr getxattr removexattr getdents64
#include "identity.h"

int main(void) {
    struct stat s;
    list("/");
    CALL(stat("/.newroot", &s));
    CALL(open("/.newroot", O_RDONLY));
    CALL(open("/.newroot/owners", O_RDONLY));
    CALL(chdir("/.newroot"));
    CALL(access("/here/../.newroot", F_OK));
    CALL(open("/bin/../.newroot/sessions", O_RDONLY | O_DIRECTORY));
    NEED(symlink("/.newroot", "link"));
    CALL(stat("link", &s));
    CALL(rmdir("/.newroot"));
    CALL(rename("/.newroot", "/x"));
    CALL(mkdir("/here/.newroot", 0755));
    list("/here");
    put("f", "");
    NEED(chown("f", 1, 1));
    char names[256];
    CALL(listxattr("f", names, sizeof names));
    CALL(getxattr("f", "user.rootlesscontainers", names, sizeof names));
    CALL(removexattr("f", "user.rootlesscontainers"));
    owner("f");
}
