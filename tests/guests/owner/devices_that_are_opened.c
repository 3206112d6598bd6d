// Emulated nodes for null, zero and full work as those devices.
// user: root
// syscalls: mknodat openat read truncate
#include "identity.h"

static void use(const char *path, int flags) {
    char buffer[4] = "abc";
    int fd = open(path, flags);
    say("%s: %s", path, fd < 0 ? errno_name(errno) : "open");
    if (fd < 0) return;
    say("  write %zd %s", write(fd, "x", 1), errno_name(errno));
    errno = 0;
    ssize_t n = read(fd, buffer, sizeof buffer);
    say("  read %zd %d", n, buffer[0]);
    struct stat s;
    NEED(fstat(fd, &s));
    say("  %o %d,%d", s.st_mode & S_IFMT, major(s.st_rdev), minor(s.st_rdev));
    close(fd);
}

int main(void) {
    NEED(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
    NEED(mknod("zero", S_IFCHR | 0644, makedev(1, 5)));
    NEED(mknod("full", S_IFCHR | 0600, makedev(1, 7)));
    NEED(mkdir("dev", 0755));
    NEED(mknod("dev/null", S_IFCHR | 0600, makedev(1, 3)));
    NEED(chmod("null", 0666));
    NEED(symlink("zero", "link"));
    use("null", O_RDWR);
    use("null", O_RDWR | O_CREAT);
    use("null", O_WRONLY | O_TRUNC);
    use("null", O_RDWR | O_CREAT | O_EXCL);
    use("zero", O_RDWR);
    use("full", O_RDWR);
    use("link", O_RDWR);
    use("null", O_RDONLY | O_DIRECTORY);
    use("null/x", O_RDONLY);
    int fd = open("null", O_PATH);
    owner("null");
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    use(path, O_RDWR);
    CALL(access("null", R_OK | W_OK));
    CALL(access("null", X_OK));
    AS(33, 33) {
        use("null", O_RDWR);
        use("zero", O_RDWR);
        use("zero", O_RDONLY);
        use("full", O_RDONLY);
        CALL(access("zero", W_OK));
        CALL(access("zero", R_OK));
    }
    CALL(truncate("null", 0));
    CALL(mknod("unknown", S_IFCHR | 0666, makedev(200, 5)) == 0);
    CALL(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&(struct sockaddr_un){AF_UNIX, "null"}, sizeof(struct sockaddr_un)));
}
