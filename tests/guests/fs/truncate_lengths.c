// truncate by path and by descriptor.
// syscalls: truncate ftruncate
#include "../facts.h"

int main(void) {
    put("f", "0123456789");
    CALL(symlink("f", "s"));
    CALL(truncate("f", 4));
    show("f");
    CALL(truncate("s", 2));
    show("f");
    CALL(truncate("f", 5000));
    show_stat("f");
    CALL(truncate("f", -1));
    CALL(truncate("/data/dir", 0));
    CALL(truncate("/data/missing", 0));
    CALL(truncate("/data/dangling", 0));
    CALL(truncate("/data/unreadable", 0));
    CALL(truncate("/bound/link", 1));
    show("/bound/file");
    CALL(truncate("/boundfile", 3));
    show("/boundfile");
    CALL(truncate("/dev/null", 0));
    int fd = open("f", O_RDWR);
    CALL(ftruncate(fd, 1));
    show("f");
    int read_only = open("f", O_RDONLY);
    CALL(ftruncate(read_only, 1));
    NEED(chmod("f", 0400));
    CALL(truncate("f", 0));
    CALL(ftruncate(fd, 0));
    show_stat("f");
}
