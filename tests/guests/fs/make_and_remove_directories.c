// mkdir and rmdir, with modes, umask and the ways they fail.
// syscalls: mkdir mkdirat rmdir unlinkat umask
#include "../facts.h"

int main(void) {
    CALL(mkdir("a", 0777));
    show_stat("a");
    umask(027);
    CALL(mkdir("b", 0777));
    show_stat("b");
    CALL(mkdir("c", 01777));
    show_stat("c");
    CALL(mkdir("a", 0755));
    CALL(mkdir("a/b/c", 0755));
    CALL(mkdir("a/b", 0500));
    CALL(mkdir("a/b/c", 0755));
    CALL(rmdir("a"));
    CALL(mkdirat(AT_FDCWD, "/here/d", 0755));
    CALL(symlink("d", "tod"));
    CALL(mkdir("tod/e", 0755));
    CALL(rmdir("tod/e"));
    CALL(rmdir("tod"));
    CALL(unlink("tod"));
    CALL(rmdir("/here/d"));
    CALL(rmdir("missing"));
    CALL(unlinkat(AT_FDCWD, "a/b", 0));
    CALL(unlinkat(AT_FDCWD, "a/b", AT_REMOVEDIR));
    CALL(unlinkat(AT_FDCWD, "a/b", 0x1000));
    struct stat s;
    stat("/here", &s);
    say("/here has %ld links", (long)s.st_nlink);
    list("/here");
}
