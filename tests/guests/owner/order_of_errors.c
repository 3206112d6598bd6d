// The kernel's order where a call has several errors.
// user: root
// syscalls: openat mkdir rmdir unlink unlinkat chmod chown rename renameat2 link symlink truncate
// syscalls: chdir chroot setxattr getxattr mknodat
#include "identity.h"

int main(void) {
    directory_of("closed", 0, 0, 0755);
    directory_of("hidden", 0, 0, 0700);
    file_of("closed/f", 0, 0, 0600);
    NEED(symlink("nowhere", "closed/dangling"));
    NEED(symlink("/here/hidden/f", "into"));
    directory_of("closed/full", 0, 0, 0755);
    file_of("closed/full/f", 0, 0, 0600);
    AS(33, 33) {
        CALL(open("closed/f", O_CREAT | O_EXCL | O_RDWR, 0600));
        CALL(open("closed/full", O_WRONLY));
        CALL(open("closed/f", O_RDONLY | O_DIRECTORY));
        CALL(open("hidden/none", O_RDONLY));
        CALL(open("closed/f/x", O_RDONLY));
        CALL(open("closed/none/x", O_CREAT | O_RDWR, 0600));
        CALL(open("closed/dangling", O_CREAT | O_RDWR, 0600));
        CALL(open("closed/dangling", O_CREAT | O_EXCL | O_RDWR, 0600));
        CALL(open("closed/dangling", O_RDONLY | O_NOFOLLOW));
        CALL(open("into", O_RDONLY));
        CALL(open("closed/new/", O_CREAT | O_RDWR, 0600));
        CALL(open("closed", O_CREAT | O_RDWR, 0600));
        CALL(mkdir("closed/f/x", 0700));
        CALL(mkdir("closed/full", 0700));
        CALL(mkdir("hidden", 0700));
        CALL(mkdir("closed/new/", 0700));
        CALL(rmdir("closed/full"));
        CALL(rmdir("closed/full/."));
        CALL(rmdir("closed/full/.."));
        CALL(unlink("closed/full/"));
        CALL(unlink("closed/f/"));
        CALL(unlinkat(AT_FDCWD, "closed/f", 0x1000));
        CALL(chmod("closed/none", 0));
        CALL(chmod("hidden/none", 0));
        CALL(chown("closed/f", -1, -1));
        CALL(chmod("closed/f/", 0));
        CALL(rename("closed/f", "closed/full"));
        CALL(rename("closed/full", "closed/f"));
        CALL(rename("closed/f", "closed/f"));
        CALL(rename("closed/none", "hidden/x"));
        CALL(rename("closed/.", "x"));
        CALL(syscall(SYS_renameat2, AT_FDCWD, "closed/f", AT_FDCWD, "closed/full", 1));
        CALL(syscall(SYS_renameat2, AT_FDCWD, "closed/f", AT_FDCWD, "closed/none", 2));
        CALL(syscall(SYS_renameat2, AT_FDCWD, "closed/f", AT_FDCWD, "closed/full", 64));
        CALL(link("closed/f", "closed/full"));
        CALL(link("closed/full", "closed/x"));
        CALL(link("closed/none", "closed/f"));
        CALL(link("hidden/none", "closed/f"));
        CALL(symlink("", "closed/x"));
        CALL(symlink("x", "closed/none/x"));
        CALL(truncate("closed/full", 0));
        CALL(truncate("closed/f", -1));
        CALL(truncate("closed/f", 0));
        CALL(chdir("closed/f"));
        CALL(chdir("hidden"));
        CALL(chroot("/"));
        CALL(setxattr("closed/f", "user.x", "x", 1, 9));
        CALL(setxattr("closed/f", "user.x", "x", 1, 0));
        CALL(setxattr("closed/f", "trusted.x", "x", 1, 0));
        CALL(setxattr("closed/f", "nonsense.x", "x", 1, 0));
        CALL(setxattr("closed/f", "", "x", 1, 0));
        CALL(getxattr("closed/f", "user.x", NULL, 0));
        CALL(getxattr("closed/f", "nonsense.x", NULL, 0));
        CALL(mknod("closed/f", S_IFCHR, makedev(1, 3)));
        CALL(mknod("hidden/f", S_IFCHR, makedev(1, 3)));
        CALL(mknod("closed/new", S_IFCHR, makedev(1, 3)));
    }
}
