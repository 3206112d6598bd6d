// Several errors in one path: the kernel's order decides.
// syscalls: newfstatat openat mkdir rmdir unlink rename link symlink chdir truncate readlink execve
#include "../facts.h"

int main(void) {
    struct stat s;
    CALL(stat("/data/file/below", &s));
    CALL(stat("/data/missing/below", &s));
    CALL(stat("/data/file/../file", &s));
    CALL(stat("/data/dangling/below", &s));
    CALL(stat("/data/locked", &s));
    CALL(stat("/data/locked/file", &s));
    CALL(stat("/data/locked/missing", &s));
    CALL(stat("/data/locked/file/below", &s));
    CALL(stat("/data/locked/..", &s));
    CALL(stat("/data/locked/.", &s));
    CALL(stat("/data/locked/", &s));
    CALL(open("/data/locked", O_RDONLY));
    CALL(open("/data/unreadable", O_RDONLY));
    CALL(open("/data/unreadable", O_RDONLY | O_DIRECTORY));
    CALL(open("/data/locked/new", O_RDWR | O_CREAT, 0644));
    CALL(open("/data/dir", O_RDWR));
    CALL(open("/data/dir", O_RDWR | O_CREAT | O_EXCL, 0644));
    CALL(open("/data/file", O_RDONLY | O_CREAT | O_DIRECTORY, 0644));
    CALL(mkdir("/data/file/x", 0755));
    CALL(mkdir("/data/missing/x", 0755));
    CALL(mkdir("/data/locked/x", 0755));
    CALL(mkdir("/data/file", 0755));
    CALL(mkdir("/data/dangling", 0755));
    CALL(rmdir("/data/file"));
    CALL(rmdir("/data/dirlink"));
    CALL(rmdir("/data/dir"));
    CALL(rmdir("/data/locked"));
    CALL(unlink("/data/dir"));
    CALL(unlink("/data/locked/file"));
    CALL(rename("/data/missing", "/data/file/x"));
    CALL(rename("/data/file", "/data/missing/x"));
    CALL(rename("/data/missing", "/data/locked/x"));
    CALL(rename("/data/locked/x", "/data/missing/x"));
    CALL(rename("/data/file", "/data/dir"));
    CALL(rename("/data/dir", "/data/file"));
    CALL(rename("/data/dir", "/data/dir/below"));
    CALL(rename("/data/empty", "/data/dir"));
    CALL(link("/data/missing", "/data/file"));
    CALL(link("/data/dir", "x"));
    CALL(link("/data/file", "/data/dir"));
    CALL(link("/data/locked/file", "x"));
    CALL(symlink("x", "/data/file"));
    CALL(symlink("x", "/data/file/below"));
    CALL(chdir("/data/locked"));
    CALL(chdir("/data/unreadable"));
    CALL(truncate("/data/dir", 0));
    CALL(truncate("/data/missing", -1));
    CALL(readlink("/data/file", (char[9]){0}, 9));
    CALL(readlink("/data/link", (char[9]){0}, 0));
    CALL(readlink("/data/missing", (char[9]){0}, 0));
    CALL(execv("/data/locked/file", (char *[]){"x", NULL}));
}
