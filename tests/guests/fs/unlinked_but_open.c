// A file that has lost its name lives on through its descriptor.
// syscalls: unlink rmdir openat newfstatat fchdir
#include "../facts.h"

int main(void) {
    put("f", "still here\n");
    int fd = CALL(open("f", O_RDWR));
    CALL(unlink("f"));
    struct stat s;
    CALL(fstat(fd, &s));
    say("%ld links", (long)s.st_nlink);
    show_fd("it", fd);
    char self[40], again[60];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    show_link(self);
    int reopened = CALL(open(self, O_RDONLY));
    show_fd("reopened", reopened);
    CALL(stat(self, &s));
    CALL(truncate(self, 5));
    CALL(fstat(fd, &s));
    say("%ld bytes", (long)s.st_size);
    put("f", "another\n");
    show_link(self);
    CALL(rename("f", "g"));
    int other = open("g", O_RDONLY);
    NEED(rename("g", "h"));
    snprintf(again, sizeof again, "/proc/self/fd/%d", other);
    show_link(again);
    NEED(mkdir("d", 0755));
    int dir = open("d", O_RDONLY | O_DIRECTORY);
    NEED(rmdir("d"));
    snprintf(again, sizeof again, "/proc/self/fd/%d", dir);
    show_link(again);
    CALL(openat(dir, "x", O_RDWR | O_CREAT, 0644));
    CALL(fstatat(dir, ".", &s, 0));
    CALL(fchdir(dir));
    CALL(access("x", F_OK));
    CALL(mkdirat(dir, "x", 0755));
}
