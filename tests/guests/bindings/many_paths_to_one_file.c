// A dozen spellings of a file's path lead to the same inode, from either side of a binding.
// syscalls: newfstatat
#include "../facts.h"

int main(void) {
    static const char *const spellings[] = {
        "/bound/nested/file", "/bound/./nested//file", "//bound/nested/file", "/data/tobound/nested/file", "/data/../bound/nested/file",
        "/bound/nested/../nested/file", "/bound/up/bound/nested/file", "../bound/nested/file", "/made/../bound/nested/file",
        "/made/by/../../bound/nested/file", "/proc/self/root/bound/nested/file", "/proc/self/cwd/../bound/nested/file",
    };
    struct stat first, s;
    NEED(stat(spellings[0], &first));
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
        int fd = open(spellings[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &s) < 0) {
            say("%s: %s", spellings[i], errno_name(errno));
            continue;
        }
        say("%s: same %d", spellings[i], s.st_ino == first.st_ino && s.st_dev == first.st_dev);
        close(fd);
    }
    NEED(chdir("/bound/nested"));
    NEED(stat("file", &s));
    say("same %d", s.st_ino == first.st_ino);
    NEED(stat("../nested/file", &s));
    say("same %d", s.st_ino == first.st_ino);
    NEED(stat("/", &first));
    NEED(stat("/..", &s));
    say("root is its own parent %d", s.st_ino == first.st_ino && s.st_dev == first.st_dev);
    NEED(stat("/bound/..", &s));
    say("root is the parent %d", s.st_ino == first.st_ino && s.st_dev == first.st_dev);
}
