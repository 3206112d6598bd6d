// trusted.*, security.* and user.* attributes: set, get, list, remove, sizes.
// user: root
// syscalls: setxattr lsetxattr fsetxattr getxattr fgetxattr listxattr flistxattr removexattr
// syscalls: fremovexattr
#include "identity.h"

static void names(const char *path) {
    char list[512], *sorted[16];
    int count = 0;
    ssize_t n = listxattr(path, list, sizeof list);
    for (char *p = list; p < list + n; p += strlen(p) + 1) sorted[count++] = p;
    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++)
            if (strcmp(sorted[i], sorted[j]) > 0) {
                char *t = sorted[i];
                sorted[i] = sorted[j];
                sorted[j] = t;
            }
    say("%zd bytes of names", n);
    for (int i = 0; i < count; i++) say("  %s", sorted[i]);
}

static void each(const char *path, const char *name) {
    char value[64];
    say("%s of %s as %d", name, path, getuid());
    CALL(setxattr(path, name, "value", 5, XATTR_REPLACE));
    CALL(setxattr(path, name, "value", 5, XATTR_CREATE));
    CALL(setxattr(path, name, "value", 5, XATTR_CREATE));
    CALL(setxattr(path, name, "longer value", 12, XATTR_REPLACE));
    CALL(setxattr(path, name, "v", 1, 3));
    CALL(getxattr(path, name, NULL, 0));
    CALL(getxattr(path, name, value, 3));
    CALL(getxattr(path, name, value, 64));
    CALL(setxattr(path, name, "", 0, 0));
    CALL(getxattr(path, name, value, 64));
    CALL(syscall(SYS_setxattr, path, name, NULL, 5, 0));
    CALL(syscall(SYS_setxattr, path, name, "v", 100000, 0));
    names(path);
    CALL(listxattr(path, value, 4));
    CALL(listxattr(path, NULL, 0));
    CALL(removexattr(path, name));
    CALL(removexattr(path, name));
    CALL(getxattr(path, name, value, 64));
}

int main(void) {
    file_of("f", 33, 33, 0644);
    directory_of("d", 33, 33, 0755);
    NEED(symlink("f", "l"));
    NEED(mkfifo("p", 0644));
    static const char *const all[] = {"trusted.x", "security.x", "user.x", "trusted.overlay.opaque", "trusted.", "system.x", "nonsense", "x."};
    for (int i = 0; i < 8; i++) {
        each("f", all[i]);
        each("d", all[i]);
    }
    CALL(setxattr("f", "trusted.secret", "v", 1, 0));
    CALL(setxattr("f", "security.label", "v", 1, 0));
    AS(33, 33) {
        names("f");
        CALL(getxattr("f", "trusted.secret", NULL, 0));
        CALL(getxattr("f", "security.label", NULL, 0));
        for (int i = 0; i < 3; i++) each("f", all[i]);
        CALL(removexattr("f", "security.label"));
        CALL(removexattr("f", "trusted.secret"));
    }
    AS(34, 34) {
        CALL(setxattr("f", "user.y", "v", 1, 0));
        CALL(getxattr("f", "user.y", NULL, 0));
    }
    CALL(lsetxattr("l", "user.x", "v", 1, 0));
    CALL(setxattr("p", "user.x", "v", 1, 0));
    CALL(getxattr("p", "user.x", NULL, 0));
    int fd = open("f", O_RDONLY);
    CALL(fsetxattr(fd, "trusted.fd", "v", 1, 0));
    CALL(fgetxattr(fd, "trusted.fd", NULL, 0));
    CALL(flistxattr(fd, NULL, 0));
    CALL(fremovexattr(fd, "trusted.fd"));
    char name[300];
    memset(name, 'a', sizeof name);
    memcpy(name, "user.", 5);
    name[256] = 0;
    CALL(setxattr("f", name, "v", 1, 0));
    CALL(getxattr("f", name, NULL, 0));
    CALL(setxattr("f", (char *)1, "v", 1, 0));
    CALL(getxattr("f", (char *)1, NULL, 0));
}
