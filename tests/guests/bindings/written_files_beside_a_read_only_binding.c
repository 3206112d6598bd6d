// A directory is bound at three paths. A file that was opened for writing at one of them isn't
// read-only, whichever of the bindings came first.
// bind: bound:/first:ro
// bind: bound:/second
// bind: bound:/third:ro
// syscalls: fchmod fchown utimensat fsetxattr fremovexattr fchownat fstatfs
#include "../facts.h"
#include <sys/statvfs.h>
#include <sys/xattr.h>

static void change(int file) {
    CALL(fchmod(file, 0600));
    CALL(fchown(file, -1, -1));
    CALL(futimens(file, NULL));
    CALL(fsetxattr(file, "user.x", "1", 1, 0));
    CALL(fremovexattr(file, "user.x"));
    CALL(fchownat(file, "", -1, -1, AT_EMPTY_PATH));
    CALL(utimensat(file, "", NULL, AT_EMPTY_PATH));
    struct statvfs all;
    NEED(fstatvfs(file, &all));
    say("read-only: %d", (all.f_flag & ST_RDONLY) != 0);
}

int main(void) {
    int made = open("/second/made", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    NEED(made);
    change(made);
    int both = open("/second/made", O_RDWR);
    change(both);
    NEED(mkfifo("/second/fifo", 0600));
    // A FIFO in a read-only mount can be opened for writing, but not changed.
    int fifo = open("/first/fifo", O_RDWR);
    CALL(fchmod(fifo, 0644));
    CALL(open("/first/made", O_WRONLY));
}
