// A new file at an old path, or with an old inode number, has none of the old file's records.
// user: root
// syscalls: mknodat openat symlink rename unlink
#include "identity.h"

int main(void) {
    for (int i = 0; i < 20; i++) {
        NEED(mkfifo("x", 0600));
        NEED(lchown("x", 1, 2));
        NEED(chmod("x", 04711));
        NEED(unlink("x"));
        NEED(symlink("y", "x"));
        struct stat s;
        NEED(lstat("x", &s));
        if (s.st_uid || s.st_gid) say("the link is %d:%d", s.st_uid, s.st_gid);
        NEED(lchown("x", 3, 4));
        NEED(rename("x", "z"));
        NEED(mknod("x", S_IFCHR | 0640, makedev(5, i)));
        NEED(unlink("x"));
        NEED(unlink("z"));
        NEED(mknod("x", S_IFSOCK | 0604, 0));
        NEED(lstat("x", &s));
        if (!S_ISSOCK(s.st_mode) || s.st_rdev || s.st_uid) say("the socket is %o %d", s.st_mode, s.st_uid);
        NEED(unlink("x"));
        put("x", "");
        NEED(chown("x", 5, 5));
        NEED(chmod("x", 06000));
        NEED(unlink("x"));
        put("x", "");
        NEED(lstat("x", &s));
        if (s.st_uid || (s.st_mode & 07777) != 0644) say("the file is %o %d", s.st_mode, s.st_uid);
        NEED(unlink("x"));
    }
    put("open", "");
    NEED(chown("open", 6, 6));
    int fd = open("open", O_RDWR);
    struct stat s;
    NEED(unlink("open"));
    CALL(fstat(fd, &s));
    say("%d", s.st_uid);
}
