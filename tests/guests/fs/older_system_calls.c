// Calls that libraries no longer make but old programs do.
// syscalls: open creat stat lstat access readlink mkdir rmdir rename link unlink symlink chmod
// syscalls: chown lchown mknod utime utimes futimesat chdir getcwd getdents
#include "../facts.h"
#include <utime.h>

int main(void) {
    struct stat s;
    char b[100];
    CALL(syscall(SYS_open, "/data/link", O_RDONLY));
    CALL(syscall(SYS_open, "o", O_RDWR | O_CREAT, 0640));
    CALL(syscall(SYS_creat, "c", 0600));
    CALL(syscall(SYS_stat, "/data/link", &s));
    say("%s", type_name(s.st_mode));
    CALL(syscall(SYS_lstat, "/data/link", &s));
    say("%s", type_name(s.st_mode));
    CALL(syscall(SYS_access, "/data/abs", R_OK));
    CALL(syscall(SYS_readlink, "/data/abs", b, sizeof b));
    CALL(syscall(SYS_mkdir, "d", 0755));
    CALL(syscall(SYS_rename, "c", "d/c"));
    CALL(syscall(SYS_link, "d/c", "l"));
    CALL(syscall(SYS_symlink, "d", "s"));
    CALL(syscall(SYS_chmod, "s/c", 0604));
    show_lstat("l");
    CALL(syscall(SYS_chown, "s", -1, -1));
    CALL(syscall(SYS_lchown, "s", -1, -1));
    CALL(syscall(SYS_mknod, "f", S_IFIFO | 0600, 0));
    CALL(syscall(SYS_utime, "l", NULL));
    CALL(syscall(SYS_utimes, "l", NULL));
    CALL(syscall(SYS_futimesat, AT_FDCWD, "l", NULL));
    CALL(syscall(SYS_unlink, "s/c"));
    CALL(syscall(SYS_rmdir, "s"));
    CALL(syscall(SYS_rmdir, "d"));
    CALL(syscall(SYS_chdir, "/bound/dirlink"));
    CALL(syscall(SYS_getcwd, b, sizeof b));
    say("%s", b);
    int fd = open("/bound", O_RDONLY | O_DIRECTORY);
    char names[2000];
    int count = 0;
    long n = syscall(SYS_getdents, fd, names, sizeof names);
    bool nested = false;
    for (long at = 0; at < n; count++) {
        char *entry = names + at;
        nested |= !strcmp(entry + 18, "nested");
        at += *(unsigned short *)(entry + 16);
    }
    say("%d entries, nested among them: %d", count, nested);
    list("/here");
}
