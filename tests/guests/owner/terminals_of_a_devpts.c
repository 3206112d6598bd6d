// The `ptmx` of a devpts gives a terminal, whatever mode the host's `ptmx` has.
// user: root
// syscalls: openat ioctl
#include "identity.h"
#include <stdlib.h>
#include <sys/ioctl.h>

static void use(const char *path, int flags) {
    int fd = open(path, flags | O_NOCTTY);
    say("%s: %s", path, fd < 0 ? errno_name(errno) : "open");
    if (fd < 0) return;
    int number;
    CALL(ioctl(fd, TIOCGPTN, &number));
    close(fd);
}

int main(void) {
    use("/dev/pts/ptmx", O_RDWR);
    use("/dev/pts/../pts/ptmx", O_RDWR | O_CREAT);
    NEED(symlink("/dev/pts/ptmx", "link"));
    use("link", O_RDWR);
    NEED(mknod("node", S_IFCHR | 0666, makedev(5, 2)));
    NEED(chmod("node", 0600));
    AS(33, 33) use("node", O_RDWR);
    use("/dev/pts/ptmx", O_RDONLY | O_DIRECTORY);
}
