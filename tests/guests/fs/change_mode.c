// chmod follows links; fchmodat and fchmodat2 with their flags.
// syscalls: chmod fchmod fchmodat fchmodat2
#include "../facts.h"

int main(void) {
    put("f", "");
    CALL(symlink("f", "s"));
    CALL(chmod("f", 0600));
    show_lstat("f");
    CALL(chmod("s", 0640));
    show_lstat("f");
    show_lstat("s");
    CALL(chmod("f", 07777));
    show_lstat("f");
    CALL(fchmodat(AT_FDCWD, "f", 0400, 0));
    show_lstat("f");
    CALL(fchmodat(AT_FDCWD, "s", 0400, AT_SYMLINK_NOFOLLOW));
    CALL(fchmodat(AT_FDCWD, "f", 0444, AT_SYMLINK_NOFOLLOW));
    show_lstat("f");
    CALL(syscall(452, AT_FDCWD, "f", 0404, 0));
    CALL(syscall(452, AT_FDCWD, "s", 0404, AT_SYMLINK_NOFOLLOW));
    CALL(syscall(452, AT_FDCWD, "f", 0404, 1 << 20));
    show_lstat("f");
    int fd = open("f", O_RDONLY);
    CALL(fchmod(fd, 0660));
    show_lstat("f");
    int path = open("f", O_PATH);
    CALL(fchmod(path, 0600));
    char self[40];
    snprintf(self, sizeof self, "/proc/self/fd/%d", path);
    CALL(chmod(self, 0606));
    show_lstat("f");
    CALL(syscall(452, path, "", 0600, AT_EMPTY_PATH));
    CALL(chmod("/data/dangling", 0600));
    CALL(chmod("/data/missing", 0600));
    CALL(chmod("/data/locked/file", 0600));
    CALL(chmod("/data/locked", 0700));
    CALL(chmod("/data/locked/file", 0600));
    show_lstat("/data/locked/file");
    CALL(chmod("/bound/link", 0611));
    show_lstat("/bound/file");
}
