// RESOLVE_BENEATH never leaves the directory, by "..", absolute link or otherwise.
// syscalls: openat2
#include "../facts.h"
#include <linux/openat2.h>

static void try(int fd, const char *path, unsigned long resolve) {
    struct open_how how = {.flags = O_RDONLY, .resolve = resolve};
    long got;
    do got = syscall(SYS_openat2, fd, path, &how, sizeof how); // EAGAIN: some process, anywhere, renamed or mounted
    while (got < 0 && errno == EAGAIN);
    if (got < 0) say("%s: %s", path, errno_name(errno));
    else {
        struct stat s;
        NEED(fstat(got, &s));
        say("%s: %s", path, type_name(s.st_mode));
        close(got);
    }
}

int main(void) {
    int fd = open("/data", O_PATH);
    static const char *const paths[] = {
        "file", "./file", "link", "dir/../file", "dirlink/inner", "dirlink/deep/../inner", "..", "../data/file", "/data/file", "/", "abs", "absdir/inner",
        "outwards", "tobound/file", "dangling", "loop", "missing", "file/x", "locked/file", "", "dir/deep/../../../data/file",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) try(fd, paths[i], RESOLVE_BENEATH);
    say("no symlinks either");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) try(fd, paths[i], RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
    say("from a binding");
    int bound = open("/bound", O_PATH);
    try(bound, "file", RESOLVE_BENEATH);
    try(bound, "up", RESOLVE_BENEATH);
    try(bound, "totmp", RESOLVE_BENEATH);
    try(bound, "nested/file", RESOLVE_BENEATH);
    try(bound, "nested/../file", RESOLVE_BENEATH);
    try(bound, "nested/../..", RESOLVE_BENEATH);
    say("from the working directory");
    NEED(chdir("/data/dir"));
    try(AT_FDCWD, "inner", RESOLVE_BENEATH);
    try(AT_FDCWD, "../file", RESOLVE_BENEATH);
    try(AT_FDCWD, "deep/..", RESOLVE_BENEATH);
}
