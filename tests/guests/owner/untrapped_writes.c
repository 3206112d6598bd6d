// Bits that a write clears, where the writer isn't the process that opened the file, or is root.
// user: root
// syscalls: write getxattr
#include "identity.h"

int main(void) {
    unsigned value[5] = {0x02000000, 1, 0, 0, 0};
    file_of("x", 0, 0, 0755);
    NEED(setxattr("x", "security.capability", value, sizeof value, 0));
    int fd = open("x", O_WRONLY);
    CALL(write(fd, "x", 1));
    CALL(getxattr("x", "security.capability", NULL, 0));

    // Another user has opened the file, and root writes.
    file_of("y", 0, 0, 06777);
    AS(33, 33) {
        open("y", O_WRONLY);
        owner("y");
    }
    fd = open("y", O_WRONLY);
    CALL(write(fd, "x", 1));
    owner("y");

    // Root has opened the file, and another user writes.
    file_of("z", 0, 0, 06777);
    fd = open("z", O_WRONLY);
    AS(33, 33) CALL(write(fd, "x", 1));
    owner("z");
    NEED(unlink("x"));
    NEED(unlink("y"));
    NEED(unlink("z"));
}
