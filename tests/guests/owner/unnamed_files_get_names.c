// O_TMPFILE: the file's owner, who stays the same when the file gets a name.
// user: root
// syscalls: openat linkat
#include "identity.h"

static void make(const char *name, mode_t mode) {
    char path[64];
    int fd = open(".", O_TMPFILE | O_RDWR, mode);
    struct stat s;
    NEED(fstat(fd, &s));
    say("%04o %d:%d", s.st_mode & 07777, s.st_uid, s.st_gid);
    CALL(write(fd, "text", 4));
    CALL(fchmod(fd, 04711));
    if (geteuid() == 0) CALL(fchown(fd, 12, 13));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CALL(linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW));
    owner(name);
    fd = open(".", O_TMPFILE | O_RDWR, 0);
    snprintf(path, sizeof path, "%s2", name);
    CALL(linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH));
    owner(path);
}

int main(void) {
    make("a", 0644);
    directory_of("s", 0, 77, 02777);
    NEED(chdir("s"));
    make("b", 02755);
    AS(33, 33) make("c", 02755);
    directory_of("closed", 0, 0, 0755);
    AS(33, 33) CALL(open("closed", O_TMPFILE | O_RDWR, 0600));
}
