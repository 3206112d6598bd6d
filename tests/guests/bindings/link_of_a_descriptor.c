// linkat(2) by AT_EMPTY_PATH: the kernel first checks the descriptor, then the new name, then
// whether both are in the same mount, and last the descriptor's type.
// syscalls: linkat
#include "../facts.h"

static void try(const char *text, int fd) {
    say("%s", text);
    CALL(linkat(fd, "", AT_FDCWD, "new", AT_EMPTY_PATH));
    unlink("new");
    CALL(linkat(fd, "", AT_FDCWD, "taken", AT_EMPTY_PATH));
    CALL(linkat(fd, "", AT_FDCWD, "taken/", AT_EMPTY_PATH));
    CALL(linkat(fd, "", AT_FDCWD, "nowhere/new", AT_EMPTY_PATH));
    CALL(linkat(fd, "", AT_FDCWD, "taken/new", AT_EMPTY_PATH));
    CALL(linkat(fd, "", AT_FDCWD, "/bound/nested/new", AT_EMPTY_PATH));
    CALL(linkat(fd, "", AT_FDCWD, "/bound/file", AT_EMPTY_PATH));
    CALL(linkat(fd, "", AT_FDCWD, "/bound", AT_EMPTY_PATH));
    CALL(linkat(fd, "", AT_FDCWD, "/", AT_EMPTY_PATH));
    CALL(linkat(fd, "", AT_FDCWD, "/readonly/new", AT_EMPTY_PATH));
    CALL(linkat(fd, "", AT_FDCWD, "/readonly/file", AT_EMPTY_PATH));
    CALL(linkat(fd, "", AT_FDCWD, "/proc/new", AT_EMPTY_PATH));
    CALL(linkat(fd, "", 999, "new", AT_EMPTY_PATH));
    CALL(linkat(fd, "", AT_FDCWD, "", AT_EMPTY_PATH));
    CALL(syscall(SYS_linkat, fd, "", AT_FDCWD, NULL, AT_EMPTY_PATH));
    CALL(syscall(SYS_linkat, fd, NULL, AT_FDCWD, "new", AT_EMPTY_PATH));
    CALL(linkat(fd, "", AT_FDCWD, "new", AT_EMPTY_PATH | 0x8000));
    if (fd > 2) close(fd);
}

int main(void) {
    put("taken", "");
    put("file", "");
    NEED(symlink("file", "link"));
    try("file", open("file", O_RDONLY));
    try("its path", open("file", O_PATH));
    try("a link's path", open("link", O_PATH | O_NOFOLLOW));
    try("bound file", open("/bound/file", O_RDONLY));
    try("directory", open(".", O_RDONLY));
    try("bound directory", open("/bound/dir", O_PATH));
    try("working directory", AT_FDCWD);
    try("none", 999);
    CALL(linkat(AT_FDCWD, "file", AT_FDCWD, "other", AT_EMPTY_PATH));
    CALL(linkat(AT_FDCWD, "nowhere", AT_FDCWD, "another", AT_EMPTY_PATH));
    CALL(linkat(999, "file", AT_FDCWD, "another", AT_EMPTY_PATH));
}
