// rename(2), also over other files, with RENAME_EXCHANGE and RENAME_NOREPLACE.
// user: root
// syscalls: rename renameat2
#include "identity.h"

static void fill(void) {
    file_of("a", 1, 1, 04755);
    NEED(mkfifo("b", 0640));
    NEED(chown("b", 2, 2));
    NEED(symlink("a", "c"));
    NEED(lchown("c", 3, 3));
    NEED(mknod("d", S_IFBLK | 0660, makedev(8, 1)));
    NEED(chown("d", 4, 4));
    directory_of("e", 5, 5, 03711);
}

static void show_all(void) {
    owner("a");
    owner("b");
    owner("c");
    owner("d");
    owner("e");
}

int main(void) {
    fill();
    CALL(rename("a", "b"));
    CALL(rename("c", "d"));
    show_all();
    CALL(mkfifo("a", 0600));
    CALL(symlink("x", "c"));
    show_all();
    CALL(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "d", 2));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "e", 2));
    show_all();
    CALL(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "c", 1));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "b", AT_FDCWD, "f", 1));
    CALL(rename("a", "g"));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "g", AT_FDCWD, "h", 4));
    show_all();
    owner("f");
    owner("g");
    owner("h");
}
