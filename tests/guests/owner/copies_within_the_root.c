// A copy with owners and modes, as `cp -a` makes it.
// user: root
// syscalls: copy_file_range fchown fchmod lchown mknodat chown chmod
#include "identity.h"
#include <utime.h>

static void copy(const char *from, const char *to) {
    struct stat s;
    NEED(lstat(from, &s));
    if (S_ISREG(s.st_mode)) {
        int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
        NEED(in);
        NEED(out);
        CALL(copy_file_range(in, NULL, out, NULL, 100, 0));
        NEED(fchown(out, s.st_uid, s.st_gid));
        NEED(fchmod(out, s.st_mode & 07777));
        close(in);
        close(out);
    } else if (S_ISLNK(s.st_mode)) {
        char target[64];
        ssize_t n = readlink(from, target, 63);
        target[n] = 0;
        NEED(symlink(target, to));
        NEED(lchown(to, s.st_uid, s.st_gid));
    } else {
        NEED(S_ISDIR(s.st_mode) ? mkdir(to, 0700) : mknod(to, (s.st_mode & S_IFMT) | 0600, s.st_rdev));
        NEED(chown(to, s.st_uid, s.st_gid));
        NEED(chmod(to, s.st_mode & 07777));
    }
    owner(to);
}

int main(void) {
    file_of("f", 1, 2, 04511);
    directory_of("d", 3, 4, 03000);
    NEED(symlink("f", "l"));
    NEED(lchown("l", 5, 6));
    NEED(mknod("p", S_IFIFO | 0600, 0));
    NEED(chown("p", 7, 8));
    NEED(mknod("b", S_IFBLK | 0600, makedev(8, 3)));
    NEED(chown("b", 9, 10));
    NEED(mkdir("copy", 0755));
    copy("f", "copy/f");
    copy("d", "copy/d");
    copy("l", "copy/l");
    copy("p", "copy/p");
    copy("b", "copy/b");
}
