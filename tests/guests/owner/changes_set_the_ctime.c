// chown, chmod and utimensat of a file of any type change its ctime, and no other time.
// user: root
// syscalls: lchown fchown chmod fchmod utimensat
#include "identity.h"

static struct stat before;

static void look(const char *path) {
    struct timespec pause = {0, 20000000};
    NEED(lstat(path, &before));
    nanosleep(&pause, NULL);
}

static void show_changes(const char *path, const char *what) {
    struct stat after;
    NEED(lstat(path, &after));
    bool changed = after.st_ctim.tv_sec != before.st_ctim.tv_sec || after.st_ctim.tv_nsec != before.st_ctim.tv_nsec;
    bool written = after.st_mtim.tv_sec != before.st_mtim.tv_sec || after.st_mtim.tv_nsec != before.st_mtim.tv_nsec;
    say("%s of %s: changed %d written %d", what, path, changed, written);
}

#define EACH(path, call) do { look(path); CALL(call); show_changes(path, #call); } while (0)

int main(void) {
    static const char *const names[] = {"file", "directory", "link", "fifo", "device", "block", "socket"};
    put("file", "x");
    NEED(mkdir("directory", 0755));
    NEED(symlink("file", "link"));
    NEED(mkfifo("fifo", 0644));
    NEED(mknod("device", S_IFCHR | 0644, makedev(1, 3)));
    NEED(mknod("block", S_IFBLK | 0644, makedev(7, 9)));
    NEED(mknod("socket", S_IFSOCK | 0644, 0));
    for (int i = 0; i < 7; i++) {
        const char *name = names[i];
        EACH(name, lchown(name, 33, 34));
        EACH(name, lchown(name, 33, 34));
        EACH(name, lchown(name, -1, -1));
        EACH(name, lchown(name, 0, 0));
        if (i != 2) {
            EACH(name, chmod(name, 06711));
            EACH(name, chmod(name, 06711));
            EACH(name, chmod(name, 0644));
        }
        struct timespec times[2] = {{1, 0}, {1, 0}};
        EACH(name, utimensat(AT_FDCWD, name, times, AT_SYMLINK_NOFOLLOW));
        owner(name);
    }
    int fd = open("device", O_RDONLY);
    EACH("device", fchmod(fd, 0600));
    EACH("device", fchown(fd, 5, 6));
}
