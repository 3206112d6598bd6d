// A mount point can't be removed, renamed or replaced, and it already exists.
// syscalls: rmdir unlink unlinkat rename renameat2 mkdir mknodat symlink link
#include "../facts.h"

int main(void) {
    static const char *const points[] = {"/bound", "/boundfile", "/bound/nested", "/readonly", "/made/by/binding", "/proc"};
    put("f", "");
    NEED(mkdir("d", 0755));
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        const char *p = points[i];
        say("%s", p);
        CALL(rmdir(p));
        CALL(unlink(p));
        CALL(unlinkat(AT_FDCWD, p, AT_REMOVEDIR));
        CALL(rename(p, "/data/moved"));
        CALL(rename(p, "/bound/moved"));
        CALL(mkdir(p, 0755));
        CALL(mknod(p, S_IFREG | 0644, 0));
        CALL(symlink("x", p));
        CALL(link("/data/file", p));
        CALL(open(p, O_RDONLY | O_CREAT | O_EXCL, 0644));
    }
    CALL(rename("f", "/boundfile"));
    CALL(rename("d", "/bound"));
    CALL(rename("d", "/made/by/binding"));
    CALL(rename("/data/empty", "/readonly"));
    CALL(rename("/bound/file", "/bound/nested"));
    CALL(rename("/bound/dir", "/bound/nested"));
    CALL(rename("/bound", "/bound"));
    CALL(rename("/bound", "/bound/dir/x"));
    CALL(rename("/bound/nested", "/bound/other"));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "d", AT_FDCWD, "/bound", RENAME_EXCHANGE));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "d", AT_FDCWD, "/bound", RENAME_NOREPLACE));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "/boundfile", AT_FDCWD, "f", RENAME_EXCHANGE));
    CALL(chdir("/"));
    CALL(rmdir("bound"));
    CALL(rmdir("bound/"));
    CALL(rmdir("bound/."));
    CALL(rename("bound", "here/x"));
    CALL(rename("./boundfile", "here/x"));
    CALL(rmdir("made"));
    CALL(rmdir("made/by"));
    list("/");
    list("/bound");
}
