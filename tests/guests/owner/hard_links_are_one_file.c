// Owner and mode belong to the file and are the same by all its names.
// user: root
// syscalls: link linkat chown lchown chmod rename unlink
#include "identity.h"

int main(void) {
    file_of("a", 1, 2, 0604);
    CALL(link("a", "b"));
    CALL(chown("b", 3, 4));
    CALL(chmod("b", 04755));
    owner("a");
    owner("b");
    CALL(unlink("a"));
    owner("b");
    NEED(symlink("x", "s"));
    CALL(lchown("s", 5, 6));
    CALL(linkat(AT_FDCWD, "s", AT_FDCWD, "s2", 0));
    owner("s2");
    CALL(unlink("s"));
    owner("s2");
    NEED(mknod("null", S_IFCHR | 0600, makedev(1, 3)));
    CALL(link("null", "null2"));
    CALL(chown("null2", 7, 8));
    owner("null");
    CALL(unlink("null"));
    owner("null2");
    NEED(mkfifo("f", 0600));
    CALL(link("f", "f2"));
    CALL(chown("f", 9, 9));
    CALL(rename("f", "f2"));
    owner("f2");
    CALL(unlink("f"));
    owner("f2");
    CALL(link("/here", "/dir"));
}
