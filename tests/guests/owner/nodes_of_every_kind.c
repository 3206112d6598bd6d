// mknod(2): devices, FIFOs, sockets and files, by root and by others.
// user: root
// syscalls: mknodat umask
#include "identity.h"

int main(void) {
    umask(022);
    CALL(mknod("c", S_IFCHR | 0666, makedev(1, 3)));
    CALL(mknod("C", S_IFCHR | 06777, makedev(511, 1048575)));
    CALL(mknod("b", S_IFBLK | 0660, makedev(8, 17)));
    CALL(mknod("z", S_IFCHR | 0600, makedev(0, 0)));
    CALL(mknod("p", S_IFIFO | 0666, makedev(1, 1)));
    CALL(mknod("s", S_IFSOCK | 0666, 0));
    CALL(mknod("f", S_IFREG | 0666, 0));
    CALL(mknod("n", 0666, 0));
    CALL(mknod("d", S_IFDIR | 0666, 0));
    CALL(mknod("l", S_IFLNK | 0666, 0));
    CALL(mknod("x", 0150000 | 0666, 0));
    static const char *const names[] = {"c", "C", "b", "z", "p", "s", "f", "n"};
    for (int i = 0; i < 8; i++) {
        owner(names[i]);
        struct statx x;
        NEED(statx(AT_FDCWD, names[i], AT_SYMLINK_NOFOLLOW, STATX_ALL, &x));
        say("statx %o %d,%d", x.stx_mode, x.stx_rdev_major, x.stx_rdev_minor);
    }
    CALL(mknod("c", S_IFCHR | 0666, makedev(1, 3)));
    CALL(mknod("nodir/c", S_IFCHR | 0666, makedev(1, 3)));
    CALL(mknod("f/c", S_IFCHR | 0666, makedev(1, 3)));
    CALL(mknod("slash/", S_IFCHR | 0666, makedev(1, 3)));
    CALL(mknod("c/", S_IFCHR | 0666, makedev(1, 3)));
    CALL(mknodat(99, "r", S_IFCHR | 0666, makedev(1, 3)));
    directory_of("open", 33, 33, 0777);
    AS(33, 33) {
        CALL(mknod("open/c", S_IFCHR | 0666, makedev(1, 3)));
        CALL(mknod("open/z", S_IFCHR | 0666, makedev(0, 0)));
        CALL(mknod("open/b", S_IFBLK | 0666, makedev(1, 3)));
        CALL(mknod("c", S_IFCHR | 0666, makedev(1, 3)));
        CALL(mknod("new", S_IFCHR | 0666, makedev(1, 3)));
        CALL(mknod("open/p", S_IFIFO | 0666, 0));
        CALL(mknod("open/f", S_IFREG | 0666, 0));
        CALL(mknod("open/s", S_IFSOCK | 0666, 0));
    }
    owner("open/p");
}
