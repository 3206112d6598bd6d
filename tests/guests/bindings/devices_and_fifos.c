// Bindings of files that are neither regular files nor directories.
// bind: /dev/null:/data/file
// bind: /dev/zero:/made/zero
// syscalls: openat read write ioctl
#include "../facts.h"

int main(void) {
    show_stat("/data/file");
    show("/data/file");
    int fd = CALL(open("/data/link", O_WRONLY | O_TRUNC));
    CALL(write(fd, "gone", 4));
    show("/data/abs");
    char four[4] = "xxxx";
    fd = CALL(open("/made/zero", O_RDONLY));
    CALL(read(fd, four, 4));
    say("zeros: %d", !memcmp(four, "\0\0\0\0", 4));
    CALL(unlink("/data/file"));
    CALL(rename("/made/zero", "/made/one"));
    CALL(isatty(fd));
    list("/made");
    struct stat s, null;
    NEED(stat("/data/file", &s));
    NEED(stat("/dev/null", &null));
    say("same device: %d", s.st_rdev == null.st_rdev);
}
