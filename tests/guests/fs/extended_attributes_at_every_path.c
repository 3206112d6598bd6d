// Reading extended attributes: by absolute paths, relative ones and names; of existing and missing
// files, of links and through links; access control lists, too.
// syscalls: getxattr lgetxattr listxattr llistxattr
#include "../facts.h"
#include <sys/xattr.h>

static const char *const PATHS[] = {
    "/data/file", "/data/dir", "/data/dir/inner", "/data/dir/deep/leaf", "/data/link", "/data/dirlink",
    "/data/dirlink/inner", "/data/outwards", "/data/abs", "/data/tobound/file", "/data/dangling", "/data/loop",
    "/data/missing", "/data/file/x", "/data/locked/file", "/bound/file", "/bound/link", "/bound", "/boundfile",
    "/bound/abs", "/readonly/file", "/made/by/binding", "/proc/self/exe", "/proc/self", "/proc/1/stat", "/", "/data/",
    "/data/dir/.", "/data/dir/../file", "file", "dir", "link", "dirlink", "dangling", "missing", ".", "..", "dir/inner",
    "dirlink/inner", "../data/file", "../bound/file", "bound", "",
};

static const char *const NAMES[] = {
    "user.one", "user.none", "security.none", "system.posix_acl_access", "system.posix_acl_default", "system.posix_acl",
    "bogus.x", "user.",
};

static void look(const char *path) {
    say("%s", path);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        char value[64] = "";
        say(" %s", NAMES[i]);
        CALL(getxattr(path, NAMES[i], value, sizeof value));
        CALL(getxattr(path, NAMES[i], NULL, 0));
        say("  %s", value);
        CALL(lgetxattr(path, NAMES[i], value, sizeof value));
        CALL(lgetxattr(path, NAMES[i], value, 1));
        say("  %s", value);
    }
    char names[256];
    CALL(listxattr(path, NULL, 0));
    CALL(llistxattr(path, NULL, 0));
    CALL(llistxattr(path, names, sizeof names));
    CALL(llistxattr(path, names, 3));
}

int main(void) {
    NEED(setxattr("/data/file", "user.one", "of a file", 9, 0));
    NEED(setxattr("/data/dir", "user.one", "of a directory", 14, 0));
    NEED(setxattr("/bound/file", "user.one", "of a bound file", 15, 0));
    // struct posix_acl_xattr_header, and entries of tag, permissions and identity: owner, group,
    // others.
    static const char LIST[] = "\2\0\0\0" "\1\0\7\0\377\377\377\377" "\4\0\5\0\377\377\377\377" "\40\0\0\0\377\377\377\377";
    CALL(setxattr("/data/dir", "system.posix_acl_default", LIST, sizeof LIST - 1, 0));
    NEED(chdir("/data"));
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) look(PATHS[i]);
    say("what is wrong besides");
    char value[64];
    char *const bad = (char *)1;
    CALL(getxattr("/data/dir", "system.posix_acl_default", bad, 64));
    CALL(getxattr("/data/dir", "system.posix_acl_default", value, 5));
    CALL(getxattr("/data/dir", "system.posix_acl_default", value, SIZE_MAX));
    CALL(getxattr(bad, "system.posix_acl_default", value, 64));
    CALL(lgetxattr("/data/file", "user.one", bad, 64));
    CALL(lgetxattr("/data/file", "user.one", value, SIZE_MAX));
    CALL(lgetxattr("/data/file", "user.one", value, (size_t)1 << 32));
    CALL(lgetxattr("/data/file", bad, value, 64));
    CALL(lgetxattr("/data/file", "", value, 64));
    CALL(llistxattr("/data/file", bad, 64));
    CALL(llistxattr("/data/file", bad, SIZE_MAX));
    CALL(llistxattr(bad, bad, 64));
}
