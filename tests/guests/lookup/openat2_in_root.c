// RESOLVE_IN_ROOT makes the descriptor "/": neither ".." nor a link leads out of it.
// syscalls: openat2
#include "../facts.h"
#include <linux/openat2.h>

static void try(int fd, const char *path, unsigned long flags, unsigned long resolve) {
    struct open_how how = {.flags = flags, .mode = flags & O_CREAT ? 0644 : 0, .resolve = resolve};
    long got;
    do got = syscall(SYS_openat2, fd, path, &how, sizeof how); // EAGAIN: some process, anywhere, renamed or mounted
    while (got < 0 && errno == EAGAIN);
    if (got < 0) say("%s: %s", path, errno_name(errno));
    else {
        struct stat s;
        char text[20] = "";
        NEED(fstat(got, &s));
        if (S_ISREG(s.st_mode)) NEED(read(got, text, sizeof text - 1));
        text[strcspn(text, "\n")] = 0;
        say("%s: %s %s", path, type_name(s.st_mode), text);
        close(got);
    }
}

int main(void) {
    NEED(mkdir("in", 0755));
    NEED(mkdir("in/data", 0755));
    put("in/data/file", "inner data\n");
    NEED(symlink("/data/file", "in/abs"));
    NEED(symlink("../../data/file", "in/outwards"));
    NEED(symlink("data", "in/rel"));
    NEED(symlink("/", "in/top"));
    NEED(symlink("/made", "in/tomade"));
    int fd = open("in", O_PATH);
    static const char *const paths[] = {"data/file", "/data/file", "abs", "outwards", "rel/file", "top/abs", "..", "../..", "/", "../../data/file", "/../data/../abs", "/etc/passwd", "tomade"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) try(fd, paths[i], O_RDONLY, RESOLVE_IN_ROOT);
    try(fd, "tomade", O_RDWR | O_CREAT, RESOLVE_IN_ROOT);
    try(fd, "/../new", O_RDWR | O_CREAT, RESOLVE_IN_ROOT);
    list("in");
    say("the same in a binding");
    int bound = open("/bound", O_PATH);
    try(bound, "up/file", O_RDONLY, RESOLVE_IN_ROOT);
    try(bound, "abs", O_RDONLY, RESOLVE_IN_ROOT);
    try(bound, "nested/../file", O_RDONLY, RESOLVE_IN_ROOT);
    try(bound, "/nested/file", O_RDONLY, RESOLVE_IN_ROOT);
    try(bound, "nested/../../../file", O_RDONLY, RESOLVE_IN_ROOT);
    try(AT_FDCWD, "/in/data/file", O_RDONLY, RESOLVE_IN_ROOT);
    try(fd, "data/file", O_RDONLY, RESOLVE_IN_ROOT | RESOLVE_BENEATH);
}
