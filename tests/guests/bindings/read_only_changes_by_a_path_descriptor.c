// Changes through an O_PATH descriptor: the kernel checks whether such a descriptor is valid for
// the call before it checks the mount; flags and times come before both.
// syscalls: utimensat fchmod fchown fchownat fsetxattr fremovexattr
#include "../facts.h"


static void try(const char *path) {
    int fd = open(path, O_PATH);
    struct timespec wrong[2] = {{0, 1000000000}, {0, 0}}, omit[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
    say("%s", path);
    CALL(syscall(SYS_utimensat, fd, NULL, NULL, 0));
    CALL(syscall(SYS_utimensat, fd, NULL, NULL, AT_SYMLINK_NOFOLLOW));
    CALL(syscall(SYS_utimensat, fd, NULL, NULL, AT_EMPTY_PATH));
    CALL(syscall(SYS_utimensat, fd, NULL, NULL, 0x8000));
    CALL(syscall(SYS_utimensat, fd, NULL, wrong, 0));
    CALL(syscall(SYS_utimensat, fd, NULL, omit, 0));
    CALL(syscall(SYS_utimensat, 999, NULL, omit, 0));
    CALL(syscall(SYS_utimensat, 999, NULL, NULL, 0));
    CALL(syscall(SYS_utimensat, fd, "", NULL, AT_EMPTY_PATH));
    CALL(syscall(SYS_utimensat, fd, "", wrong, AT_EMPTY_PATH));
    CALL(syscall(SYS_utimensat, fd, "", omit, AT_EMPTY_PATH));
    CALL(syscall(SYS_utimensat, fd, "", NULL, AT_EMPTY_PATH | 0x8000));
    CALL(syscall(SYS_fchmod, fd, 0600));
    CALL(syscall(SYS_fchown, fd, -1, -1));
    CALL(syscall(SYS_fchownat, fd, "", -1, -1, AT_EMPTY_PATH));
    CALL(syscall(SYS_fchownat, fd, "", -1, -1, AT_EMPTY_PATH | 0x8000));
    CALL(syscall(SYS_fsetxattr, fd, "user.x", "1", 1, 0));
    CALL(syscall(SYS_fremovexattr, fd, "user.x"));
    // fchmodat2
    CALL(syscall(452, fd, "", 0600, AT_EMPTY_PATH));
    CALL(syscall(452, fd, "", 0600, AT_EMPTY_PATH | 0x8000));
    int open_one = open(path, O_RDONLY);
    CALL(syscall(SYS_utimensat, open_one, NULL, NULL, AT_SYMLINK_NOFOLLOW));
    CALL(syscall(SYS_utimensat, open_one, NULL, NULL, AT_EMPTY_PATH));
    CALL(syscall(SYS_utimensat, open_one, NULL, wrong, 0));
    CALL(syscall(SYS_utimensat, open_one, NULL, omit, 0));
    close(fd);
    close(open_one);
}

int main(void) {
    try("/readonly/file");
    try("/readonly/dir");
    try("/bound/file");
}
