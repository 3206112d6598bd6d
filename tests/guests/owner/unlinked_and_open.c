// The owner of a file that has lost its last name.
// user: root
// syscalls: newfstatat fchown fchmod
#include "identity.h"

static void show_open(const char *what, int fd) {
    struct stat s;
    NEED(fstat(fd, &s));
    say("%s: %04o %d:%d", what, s.st_mode & 07777, s.st_uid, s.st_gid);
}

int main(void) {
    file_of("file", 1, 2, 04711);
    int fd = open("file", O_RDWR);
    NEED(unlink("file"));
    show_open("file", fd);
    CALL(fchown(fd, 3, 3));
    CALL(fchmod(fd, 0));
    show_open("file", fd);
    NEED(mkfifo("fifo", 0600));
    NEED(chown("fifo", 1, 2));
    fd = open("fifo", O_RDWR);
    NEED(unlink("fifo"));
    show_open("fifo", fd);
    directory_of("directory", 1, 2, 03711);
    fd = open("directory", O_RDONLY);
    NEED(rmdir("directory"));
    show_open("directory", fd);
}
