// linkat with AT_EMPTY_PATH gives a name to an open file, which root has always been allowed to do.
// user: root
// syscalls: linkat
#include "identity.h"

int main(void) {
    file_of("f", 33, 34, 0640);
    int fd = open("f", O_PATH);
    NEED(fd);
    CALL(linkat(fd, "", AT_FDCWD, "by-path", AT_EMPTY_PATH));
    owner("by-path");
    fd = open("f", O_RDONLY);
    NEED(fd);
    CALL(linkat(fd, "", AT_FDCWD, "by-descriptor", AT_EMPTY_PATH));
    owner("by-descriptor");
    CALL(linkat(fd, "", AT_FDCWD, "by-descriptor", AT_EMPTY_PATH));
    CALL(linkat(fd, "", AT_FDCWD, "missing/name", AT_EMPTY_PATH));
    NEED(unlink("f"));
    NEED(unlink("by-path"));
    NEED(unlink("by-descriptor"));
    CALL(linkat(fd, "", AT_FDCWD, "gone", AT_EMPTY_PATH));
    CALL(linkat(open(".", O_PATH), "", AT_FDCWD, "directory", AT_EMPTY_PATH));
    CALL(linkat(AT_FDCWD, "", AT_FDCWD, "working-directory", AT_EMPTY_PATH));
    CALL(linkat(99, "", AT_FDCWD, "closed", AT_EMPTY_PATH));
}
