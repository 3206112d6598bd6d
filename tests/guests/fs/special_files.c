// mknod makes FIFOs, sockets and regular files for every user, devices only for root.
// syscalls: mknodat
#include "../facts.h"
#include <sys/sysmacros.h>

int main(void) {
    CALL(mknod("fifo", S_IFIFO | 0640, 0));
    CALL(mkfifo("fifo2", 0666));
    CALL(mknod("socket", S_IFSOCK | 0600, 0));
    CALL(mknod("plain", S_IFREG | 0600, 0));
    CALL(mknod("plain2", 0600, 0));
    CALL(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
    CALL(mknod("disk", S_IFBLK | 0666, makedev(7, 0)));
    CALL(mknod("directory", S_IFDIR | 0755, 0));
    CALL(mknod("link", S_IFLNK | 0777, 0));
    CALL(mknod("fifo", S_IFIFO | 0640, 0));
    CALL(mknod("/data/dangling", S_IFREG | 0640, 0));
    CALL(mknod("/data/missing/x", S_IFREG | 0640, 0));
    CALL(mkfifo("/bound/fifo", 0600));
    static const char *const made[] = {"fifo", "fifo2", "socket", "plain", "plain2", "/bound/fifo"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) show_lstat(made[i]);
    CALL(open("socket", O_RDONLY));
    CALL(open("fifo", O_WRONLY | O_NONBLOCK));
    int r = CALL(open("fifo", O_RDONLY | O_NONBLOCK)), w = CALL(open("fifo", O_WRONLY));
    NEED(write(w, "through\n", 8));
    show_fd("fifo", r);
    list(".");
}
