// open with links, directories and files, existing and missing.
// syscalls: openat creat
#include "../facts.h"

int main(void) {
    CALL(open("/data/link", O_RDONLY | O_NOFOLLOW));
    CALL(open("/data/dirlink", O_RDONLY | O_NOFOLLOW | O_DIRECTORY));
    CALL(open("/data/dirlink/inner", O_RDONLY | O_NOFOLLOW));
    CALL(open("/data/file", O_RDONLY | O_DIRECTORY));
    CALL(open("/data/dirlink", O_RDONLY | O_DIRECTORY));
    CALL(open("/data/dangling", O_RDONLY));
    CALL(open("/data/dangling", O_WRONLY | O_CREAT | O_EXCL, 0644));
    CALL(open("/data/dangling", O_WRONLY | O_CREAT | O_NOFOLLOW, 0644));
    CALL(open("/data/dangling", O_WRONLY | O_CREAT, 0640));
    show_lstat("/data/nowhere");
    CALL(open("/data/link", O_WRONLY | O_CREAT | O_EXCL, 0644));
    CALL(open("/data/link", O_WRONLY | O_CREAT, 0644));
    CALL(open("/data/dir", O_WRONLY));
    CALL(open("/data/dir", O_RDONLY | O_TRUNC));
    CALL(open("/data/dir", O_RDONLY | O_CREAT, 0644));
    CALL(open("/data/file", O_WRONLY | O_APPEND));
    CALL(write(7, "more\n", 5));
    show("/data/file");
    CALL(open("/data/file", O_WRONLY | O_TRUNC));
    show("/data/file");
    CALL(open("/data/file", O_PATH));
    CALL(read(9, (char[4]){0}, 4));
    CALL(open("/data/unreadable", O_PATH));
    CALL(open("/data/link", O_PATH | O_NOFOLLOW));
    CALL(open("/data/locked", O_PATH));
    CALL(open("/data", O_PATH | O_DIRECTORY | O_CREAT, 0644));
    CALL(fcntl(9, F_GETFL) & O_PATH);
    CALL(open("/data/dir/inner", O_RDWR | O_EXCL));
    CALL(open("/data/dir/inner", 3));
    CALL(open("/data/dir/inner", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    CALL(fcntl(16, F_GETFD));
    CALL(creat("made", 0666));
    CALL(creat("made", 0600));
    CALL(creat("/data/dir", 0600));
    show_lstat("made");
    umask(077);
    CALL(open("private", O_RDWR | O_CREAT, 0666));
    show_lstat("private");
    CALL(open("readonly", O_RDWR | O_CREAT, 0000));
    CALL(open("readonly", O_RDWR));
    show_lstat("readonly");
}
