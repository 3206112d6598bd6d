// Every call that would write through a read-only binding fails with EROFS, in the kernel's order
// of errors.
// syscalls: openat creat mkdir rmdir unlink rename link symlink mknodat chmod chown lchown truncate
// syscalls: utimensat setxattr removexattr access
#include "../facts.h"
#include <sys/xattr.h>

int main(void) {
    put("f", "");
    CALL(open("/readonly/file", O_RDONLY));
    CALL(open("/readonly/file", O_WRONLY));
    CALL(open("/readonly/file", O_RDWR));
    CALL(open("/readonly/file", O_RDONLY | O_TRUNC));
    CALL(open("/readonly/link", O_WRONLY));
    CALL(open("/readonly/file", O_RDONLY | O_CREAT, 0644));
    CALL(open("/readonly/file", O_RDONLY | O_CREAT | O_EXCL, 0644));
    CALL(open("/readonly/new", O_RDONLY | O_CREAT, 0644));
    CALL(open("/readonly/new", O_WRONLY | O_CREAT, 0644));
    CALL(open("/readonly/new", O_WRONLY));
    CALL(open("/readonly/missing/new", O_WRONLY | O_CREAT, 0644));
    CALL(open("/readonly/file", O_PATH));
    CALL(creat("/readonly/file", 0644));
    CALL(open("/readonly/dir", O_WRONLY));
    CALL(mkdir("/readonly/new", 0755));
    CALL(mkdir("/readonly/dir", 0755));
    CALL(mkdir("/readonly/missing/new", 0755));
    CALL(mkdir("/readonly/file/new", 0755));
    CALL(rmdir("/readonly/dir"));
    CALL(rmdir("/readonly/missing"));
    CALL(rmdir("/readonly/file"));
    CALL(unlink("/readonly/file"));
    CALL(unlink("/readonly/missing"));
    CALL(unlink("/readonly/dir"));
    CALL(rename("/readonly/file", "/readonly/new"));
    CALL(rename("/readonly/missing", "/readonly/new"));
    CALL(rename("/readonly/file", "/here/new"));
    CALL(rename("f", "/readonly/new"));
    CALL(link("/readonly/file", "/readonly/new"));
    CALL(link("/readonly/file", "/readonly/link"));
    CALL(link("f", "/readonly/new"));
    CALL(symlink("x", "/readonly/new"));
    CALL(symlink("x", "/readonly/file"));
    CALL(mknod("/readonly/new", S_IFIFO | 0644, 0));
    CALL(mknod("/readonly/file", S_IFIFO | 0644, 0));
    CALL(chmod("/readonly/file", 0600));
    CALL(chmod("/readonly/missing", 0600));
    CALL(chown("/readonly/file", -1, -1));
    CALL(lchown("/readonly/link", -1, -1));
    CALL(truncate("/readonly/file", 0));
    CALL(truncate("/readonly/dir", 0));
    CALL(utimensat(AT_FDCWD, "/readonly/file", NULL, 0));
    CALL(utimensat(AT_FDCWD, "/readonly/link", NULL, AT_SYMLINK_NOFOLLOW));
    CALL(setxattr("/readonly/file", "user.x", "1", 1, 0));
    CALL(removexattr("/readonly/file", "user.x"));
    CALL(getxattr("/readonly/file", "user.x", NULL, 0));
    CALL(access("/readonly/file", W_OK));
    CALL(access("/readonly/file", R_OK));
    CALL(access("/readonly/missing", W_OK));
    CALL(access("/readonly", W_OK));
    CALL(access("/readonly/file", R_OK | W_OK));
    CALL(faccessat(AT_FDCWD, "/readonly/file", W_OK, AT_EACCESS));
    list("/readonly");
    show("/readonly/file");
}
