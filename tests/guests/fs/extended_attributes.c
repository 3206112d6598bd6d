// Extended attributes by path, by link and by descriptor.
// syscalls: getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr llistxattr
// syscalls: flistxattr removexattr lremovexattr fremovexattr
#include "../facts.h"
#include <sys/xattr.h>

int main(void) {
    char value[100] = "", names[200] = "";
    put("f", "");
    CALL(symlink("f", "s"));
    CALL(setxattr("f", "user.one", "1", 1, 0));
    CALL(setxattr("s", "user.two", "22", 2, XATTR_CREATE));
    CALL(setxattr("s", "user.two", "22", 2, XATTR_CREATE));
    CALL(setxattr("f", "user.three", "22", 2, XATTR_REPLACE));
    CALL(getxattr("s", "user.one", value, sizeof value));
    say("%s", value);
    CALL(getxattr("f", "user.two", value, 1));
    CALL(getxattr("f", "user.two", NULL, 0));
    CALL(getxattr("f", "user.none", value, sizeof value));
    CALL(lgetxattr("s", "user.one", value, sizeof value));
    CALL(lsetxattr("s", "user.one", "1", 1, 0));
    CALL(lsetxattr("f", "user.one", "one", 3, 0));
    CALL(lremovexattr("s", "user.one"));
    CALL(llistxattr("s", names, sizeof names));
    ssize_t n = CALL(listxattr("s", names, sizeof names));
    for (char *p = names; p < names + n; p += strlen(p) + 1) say("  %s", p);
    CALL(listxattr("f", names, 3));
    CALL(removexattr("s", "user.two"));
    CALL(removexattr("f", "user.two"));
    int fd = open("f", O_RDONLY), path = open("f", O_PATH);
    CALL(fsetxattr(fd, "user.fd", "x", 1, 0));
    CALL(fgetxattr(fd, "user.fd", value, sizeof value));
    CALL(fgetxattr(path, "user.fd", value, sizeof value));
    CALL(flistxattr(fd, NULL, 0));
    CALL(fremovexattr(fd, "user.fd"));
    CALL(setxattr("f", "trusted.x", "1", 1, 0));
    CALL(setxattr("f", "bogus.x", "1", 1, 0));
    CALL(setxattr("f", "user.", "1", 1, 0));
    CALL(setxattr("/data/missing", "user.x", "1", 1, 0));
    CALL(setxattr("/data/file/x", "user.x", "1", 1, 0));
    CALL(setxattr("/bound/link", "user.x", "1", 1, 0));
    CALL(getxattr("/bound/file", "user.x", value, sizeof value));
    CALL(removexattr("/bound/file", "user.x"));
    CALL(listxattr("/data/dangling", NULL, 0));
}
