// Calls that take only a descriptor can't change files in a read-only binding either.
// syscalls: fchmod fchown utimensat fsetxattr fremovexattr fchownat
#include "../facts.h"
#include <sys/xattr.h>

int main(void) {
    int file = open("/readonly/file", O_RDONLY), dir = open("/readonly/dir", O_RDONLY);
    CALL(fchmod(file, 0600));
    CALL(fchown(file, -1, -1));
    CALL(futimens(file, NULL));
    CALL(fsetxattr(file, "user.x", "1", 1, 0));
    CALL(fremovexattr(file, "user.x"));
    CALL(fchmod(dir, 0700));
    CALL(fchownat(file, "", -1, -1, AT_EMPTY_PATH));
    CALL(utimensat(file, "", NULL, AT_EMPTY_PATH));
    int fine = open("/bound/file", O_RDONLY);
    CALL(fchmod(fine, 0600));
    CALL(futimens(fine, NULL));
    show_stat("/readonly/file");
    show_stat("/bound/file");
}
