// link links a symlink itself, linkat with AT_SYMLINK_FOLLOW its target.
// syscalls: link linkat
#include "../facts.h"

int main(void) {
    put("a", "a\n");
    CALL(link("a", "b"));
    show_stat("a");
    put("b", "through b\n");
    show("a");
    CALL(link("a", "b"));
    CALL(link("missing", "c"));
    CALL(link("/data/dir", "c"));
    CALL(symlink("a", "s"));
    CALL(link("s", "s2"));
    show_lstat("s2");
    show_link("s2");
    CALL(linkat(AT_FDCWD, "s", AT_FDCWD, "c", AT_SYMLINK_FOLLOW));
    show_lstat("c");
    CALL(linkat(AT_FDCWD, "/data/dangling", AT_FDCWD, "e", AT_SYMLINK_FOLLOW));
    CALL(linkat(AT_FDCWD, "/data/dangling", AT_FDCWD, "e", 0));
    CALL(linkat(AT_FDCWD, "a", AT_FDCWD, "f", 0x4));
    CALL(link("a", "/data/dangling"));
    CALL(link("a", "/tmp/d"));
    CALL(unlink("a"));
    show("/tmp/d");
    CALL(unlink("missing"));
    CALL(unlink("/data/dir"));
    CALL(unlink("s"));
    show_stat("b");
    list(".");
    struct stat one, two;
    NEED(stat("b", &one));
    NEED(stat("/here/../tmp/d", &two));
    say("same file: %d", one.st_ino == two.st_ino && one.st_dev == two.st_dev);
}
