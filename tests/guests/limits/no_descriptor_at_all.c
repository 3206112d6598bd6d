// Paths resolve even when the descriptor table is full and standard output is the only way out.
// syscalls: prlimit64 newfstatat openat access readlink mkdir rmdir chdir rename link unlink
// syscalls: utimensat
#include "../facts.h"

int main(void) {
    NEED(setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, 64}));
    struct stat s;
    char target[50];
    CALL(open("/data/file", O_RDONLY));
    CALL(open("/data/missing", O_RDONLY));
    CALL(open("/data/new", O_RDWR | O_CREAT, 0644));
    CALL(stat("/data/outwards", &s));
    CALL(stat("/bound/nested/file", &s));
    CALL(lstat("/bound/abs", &s));
    CALL(access("/data/locked/x", F_OK));
    CALL(readlink("/bound/abs", target, sizeof target));
    CALL(mkdir("/bound/new", 0755));
    CALL(rmdir("/bound/nested/../new"));
    CALL(chdir("/made/by/binding"));
    say("%s", getcwd(target, sizeof target));
    CALL(rename("file", "../binding/renamed"));
    CALL(link("renamed", "/made/by/binding/again"));
    CALL(unlink("again"));
    CALL(utimensat(AT_FDCWD, "renamed", NULL, 0));
    NEED(setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, 64}));
    CALL(access("/data/new", F_OK));
    CALL(open("/data/file", O_RDONLY));
}
