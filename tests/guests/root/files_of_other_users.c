// Root in the guest is root: owners, devices and other users' files.
// user: root
// syscalls: chown lchown fchownat chmod mknodat openat setuid
#include "../facts.h"
#include <sys/sysmacros.h>

static void owner(const char *path) {
    struct stat s;
    NEED(lstat(path, &s));
    say("%s: %d:%d %04o %d,%d", path, s.st_uid, s.st_gid, s.st_mode & 07777, major(s.st_rdev), minor(s.st_rdev));
}

int main(void) {
    put("f", "");
    CALL(chown("f", 12, 34));
    owner("f");
    CALL(symlink("f", "s"));
    CALL(lchown("s", 56, 78));
    owner("s");
    owner("f");
    CALL(fchownat(AT_FDCWD, "s", 90, -1, 0));
    owner("f");
    CALL(chmod("f", 04755));
    owner("f");
    CALL(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
    owner("null");
    CALL(mknod("/bound/disk", S_IFBLK | 0600, makedev(7, 99)));
    owner("/bound/disk");
    CALL(open("/data/unreadable", O_RDWR));
    show("/data/locked/file");
    CALL(chdir("/data/locked"));
    pid_t child = fork();
    if (child == 0) {
        NEED(setgid(4321));
        NEED(setuid(4321));
        CALL(access("/data/unreadable", R_OK));
        CALL(open("/data/unreadable", O_RDONLY));
        CALL(open("/bound/abs", O_RDONLY));
        CALL(open("file", O_RDONLY));
        CALL(mkdir("/here/x", 0755));
        CALL(mkdir("/tmp/x", 0755));
        CALL(setuid(0));
        execl("/bin/report", "report", "as another user", NULL);
        _exit(9);
    }
    reap("child", child);
    owner("/tmp/x");
}
