// The kernel's order of checks: an invalid attribute name, or invalid times, for any path.
// syscalls: getxattr lgetxattr removexattr lremovexattr setxattr lsetxattr utimensat
#include "../facts.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static char long_name[300];

static void try_name(const char *name) {
    static const char *paths[] = {"f", "missing", "missing/f", "f/x", "/data/missing", "/bound/file", "loop", ""};
    char value[10];
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const char *path = paths[i];
        say("%s", path);
        CALL(getxattr(path, name, value, sizeof value));
        CALL(lgetxattr(path, name, value, sizeof value));
        CALL(removexattr(path, name));
        CALL(lremovexattr(path, name));
        CALL(setxattr(path, name, "1", 1, 0));
        CALL(lsetxattr(path, name, "1", 1, 0));
    }
}

int main(void) {
    memset(long_name, 'n', sizeof long_name - 1);
    memcpy(long_name, "user.", 5);
    put("f", "");
    CALL(symlink("loop", "loop"));
    say("no name at all");
    try_name((const char *)-1);
    say("an empty one");
    try_name("");
    say("one that is too long");
    try_name(long_name);
    say("a value that can't be read");
    CALL(setxattr("f", "user.a", (void *)-1, 1, 0));
    CALL(setxattr("missing", "user.a", (void *)-1, 1, 0));
    CALL(setxattr("missing", "user.a", "", 1 << 20, 0));
    CALL(setxattr("missing", "user.a", "", 1, 100));
    say("times that can't be read");
    CALL(utimensat(AT_FDCWD, "f", (void *)-1, 0));
    CALL(utimensat(AT_FDCWD, "missing", (void *)-1, 0));
    CALL(utimensat(AT_FDCWD, "missing/f", (void *)-1, AT_SYMLINK_NOFOLLOW));
    CALL(utimensat(AT_FDCWD, "", (void *)-1, 0));
}
