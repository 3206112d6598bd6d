// chown(2), lchown(2), fchown(2), fchownat(2) of files of every type.
// user: root
// syscalls: chown lchown fchown fchownat
#include "identity.h"

int main(void) {
    put("file", "");
    NEED(mkdir("directory", 0755));
    NEED(symlink("file", "link"));
    NEED(symlink("nowhere", "dangling"));
    NEED(mkfifo("fifo", 0644));
    NEED(mknod("socket", S_IFSOCK | 0644, 0));
    NEED(mknod("character", S_IFCHR | 0644, makedev(1, 3)));
    NEED(mknod("block", S_IFBLK | 0644, makedev(7, 300)));
    static const char *const names[] = {"file", "directory", "link", "dangling", "fifo", "socket", "character", "block"};
    for (int i = 0; i < 8; i++) {
        CALL(lchown(names[i], 100 + i, 200 + i));
        owner(names[i]);
        CALL(fchownat(AT_FDCWD, names[i], 300 + i, -1, AT_SYMLINK_NOFOLLOW));
        owner(names[i]);
        CALL(chown(names[i], -1, 400 + i));
        owner(names[i]);
        int fd = open(names[i], O_PATH | O_NOFOLLOW);
        CALL(fchown(fd, 1, 1));
        CALL(fchownat(fd, "", 500 + i, 501, AT_EMPTY_PATH));
        close(fd);
        owner(names[i]);
        CALL(lchown(names[i], -1, -1));
        owner(names[i]);
    }
    int fd = open("file", O_RDONLY);
    CALL(fchown(fd, 7, 8));
    owner("file");
    CALL(lchown("file", 0, 0));
    owner("file");
    CALL(fchownat(AT_FDCWD, "file", 1, 1, 0x40000));
    CALL(chown("file", 4294967294u, 4294967294u));
    owner("file");
    CALL(fchown(99, 1, 1));
    CALL(chown("", 1, 1));
    CALL(fchownat(AT_FDCWD, "", 71, 72, AT_EMPTY_PATH));
    owner(".");
}
