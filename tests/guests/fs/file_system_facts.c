// statfs describes the file system that a guest path lies on.
// syscalls: statfs fstatfs
#include "../facts.h"
#include <sys/statfs.h>
#include <sys/statvfs.h>

static long type_of(const char *path) {
    struct statfs f;
    return statfs(path, &f) < 0 ? -1 : (long)f.f_type;
}

int main(void) {
    CALL(type_of("/proc"));
    CALL(type_of("/proc/self"));
    CALL(type_of("/proc/self/cwd") == type_of("/here"));
    CALL(type_of("/data/link") == type_of("/"));
    CALL(type_of("/bound") == type_of("/"));
    CALL(type_of("/made/by/binding") == type_of("/"));
    CALL(type_of("/data/dangling"));
    CALL(type_of("/data/missing"));
    CALL(type_of("/data/file/x"));
    CALL(type_of("/data/locked/file"));
    CALL(type_of("/data/loop"));
    struct statfs f;
    int fd = open("/data/file", O_PATH);
    CALL(fstatfs(fd, &f));
    struct statvfs v;
    CALL(statvfs("/data/file", &v));
    say("longest name %ld", (long)v.f_namemax);
    CALL(statvfs("/readonly/file", &v));
    say("read-only %d", (v.f_flag & ST_RDONLY) != 0);
    CALL(statvfs("/bound/file", &v));
    say("read-only %d", (v.f_flag & ST_RDONLY) != 0);
    CALL(pathconf("/data", _PC_NAME_MAX));
    CALL(pathconf("/data", _PC_PATH_MAX));
}
