// O_TMPFILE makes a file without a name; linkat gives it one.
// syscalls: openat linkat
#include "../facts.h"

int main(void) {
    int fd = CALL(open("/here", O_TMPFILE | O_RDWR, 0644));
    NEED(write(fd, "unnamed\n", 8));
    struct stat s;
    NEED(fstat(fd, &s));
    say("%ld links", (long)s.st_nlink);
    char self[40];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    CALL(linkat(AT_FDCWD, self, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
    show("named");
    CALL(linkat(AT_FDCWD, self, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
    CALL(linkat(AT_FDCWD, self, AT_FDCWD, "other", 0));
    list("/here");
    int hidden = CALL(open("/here", O_TMPFILE | O_RDWR | O_EXCL, 0644));
    snprintf(self, sizeof self, "/proc/self/fd/%d", hidden);
    CALL(linkat(AT_FDCWD, self, AT_FDCWD, "never", AT_SYMLINK_FOLLOW));
    CALL(open("/here", O_TMPFILE | O_RDONLY, 0644));
    CALL(open("/data/file", O_TMPFILE | O_RDWR, 0644));
    CALL(open("/data/missing", O_TMPFILE | O_RDWR, 0644));
    CALL(open("/bound", O_TMPFILE | O_RDWR, 0644));
    CALL(open("/readonly", O_TMPFILE | O_RDWR, 0644));
}
