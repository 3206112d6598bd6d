// With umask 0777 new files have no permissions, and root still works with them.
// user: root
// syscalls: umask openat mkdir mknodat symlink bind
#include "identity.h"

int main(void) {
    umask(0777);
    int fd = open("file", O_CREAT | O_RDWR, 06777);
    CALL(write(fd, "text", 4));
    close(fd);
    owner("file");
    show("file");
    CALL(mkdir("directory", 07777));
    owner("directory");
    CALL(mkdir("directory/inner", 0777));
    CALL(mkfifo("directory/fifo", 0777));
    owner("directory/fifo");
    CALL(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
    owner("null");
    fd = open("null", O_RDWR);
    CALL(write(fd, "x", 1));
    close(fd);
    CALL(symlink("file", "link"));
    owner("link");
    struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "socket"};
    CALL(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a));
    owner("socket");
    list("directory");
    directory_of("open", 33, 33, 0777);
    AS(33, 33) {
        fd = open("open/mine", O_CREAT | O_RDWR, 0666);
        CALL(write(fd, "x", 1));
        CALL(open("open/mine", O_RDONLY));
        CALL(mkdir("open/dir", 0777));
        CALL(mkdir("open/dir/x", 0777));
        CALL(open("open/dir", O_RDONLY));
        CALL(chmod("open/dir", 0500));
        CALL(mkdir("open/dir/x", 0777));
        list("open/dir");
    }
}
