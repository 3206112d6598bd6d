// A write by who isn't root takes set-user-ID and set-group-ID, any write takes capabilities.
// user: root
#include "who.h"

int main(void) {
    file_of("x", 0, 0, 06777);
    unsigned value[5] = {0x02000000, 1, 0, 0, 0};
    NEED(setxattr("x", "security.capability", value, sizeof value, 0));
    int fd = open("x", O_WRONLY);
    CALL(write(fd, "x", 1));
    close(fd);
    owner("x");
    CALL(getxattr("x", "security.capability", NULL, 0));
    AS(33, 33) {
        fd = open("x", O_WRONLY);
        CALL(write(fd, "x", 1));
        CALL(ftruncate(fd, 0));
    }
    owner("x");
    NEED(unlink("x"));
}
