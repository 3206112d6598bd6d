// An ordinary user may give a file only to itself.
// syscalls: chown lchown fchown fchownat
#include "../facts.h"

int main(void) {
    uid_t me = getuid();
    gid_t us = getgid();
    put("f", "");
    CALL(symlink("f", "s"));
    CALL(chown("f", me, us));
    CALL(chown("f", -1, -1));
    CALL(chown("f", me + 1, -1));
    CALL(chown("f", -1, us + 1));
    CALL(chown("s", me, -1));
    CALL(lchown("s", me, us));
    CALL(lchown("s", me + 1, us));
    CALL(chown("/data/dangling", me, us));
    CALL(lchown("/data/dangling", me, us));
    CALL(fchownat(AT_FDCWD, "s", me, us, AT_SYMLINK_NOFOLLOW));
    CALL(fchownat(AT_FDCWD, "s", me, us, 0));
    CALL(fchownat(AT_FDCWD, "s", me, us, 4));
    int fd = open("f", O_RDONLY), path = open("s", O_PATH | O_NOFOLLOW);
    CALL(fchown(fd, me, us));
    CALL(fchown(path, me, us));
    CALL(fchownat(path, "", me, us, AT_EMPTY_PATH));
    CALL(chmod("f", 06755));
    CALL(chown("f", me, us));
    show_stat("f");
    CALL(chown("/data/missing", me, us));
    CALL(chown("/data/file/x", me, us));
    struct stat s;
    NEED(stat("/data/file", &s));
    say("owned by us: %d", s.st_uid == me && s.st_gid == us);
}
