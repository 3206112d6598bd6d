// chmod(2), fchmod(2), fchmodat2(2): all bits, on files of every type.
// user: root
// syscalls: chmod fchmod fchmodat fchmodat2
#include "identity.h"
#define SYS_fchmodat2_ 452

int main(void) {
    put("file", "");
    NEED(mkdir("directory", 0755));
    NEED(symlink("file", "link"));
    NEED(mkfifo("fifo", 0644));
    NEED(mknod("socket", S_IFSOCK | 0644, 0));
    NEED(mknod("character", S_IFCHR | 0644, makedev(1, 3)));
    NEED(mknod("block", S_IFBLK | 0644, makedev(7, 3)));
    static const char *const names[] = {"file", "directory", "fifo", "socket", "character", "block"};
    static const mode_t modes[] = {0, 0111, 0444, 0555, 0222, 07777, 04755, 02755, 01777, 06000, 0644};
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < 11; j++) {
            if (chmod(names[i], modes[j])) say("chmod %s %o: %s", names[i], modes[j], errno_name(errno));
            owner(names[i]);
        }
    CALL(chmod("link", 04711));
    owner("link");
    owner("file");
    CALL(fchmodat(AT_FDCWD, "link", 0700, AT_SYMLINK_NOFOLLOW));
    CALL(syscall(SYS_fchmodat2_, AT_FDCWD, "link", 0700, AT_SYMLINK_NOFOLLOW));
    CALL(syscall(SYS_fchmodat2_, AT_FDCWD, "file", 0701, AT_SYMLINK_NOFOLLOW));
    CALL(syscall(SYS_fchmodat2_, AT_FDCWD, "file", 0701, 0x8000));
    owner("file");
    int fd = open("file", O_RDONLY);
    CALL(fchmod(fd, 05670));
    owner("file");
    close(fd);
    fd = open("file", O_PATH);
    CALL(fchmod(fd, 0600));
    CALL(syscall(SYS_fchmodat2_, fd, "", 0604, AT_EMPTY_PATH));
    owner("file");
    CALL(chmod("file", 0177777));
    owner("file");
    CALL(chmod("directory", 0));
    CALL(mkdir("directory/inner", 0));
    put("directory/inner/file", "x");
    list("directory/inner");
    CALL(chmod("directory/inner/file", 0));
    show("directory/inner/file");
    CALL(chmod("nothing", 0));
}
