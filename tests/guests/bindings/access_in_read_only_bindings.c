// access(2) and faccessat2(2) for files in a read-only binding: links aren't followed, and writes
// to devices and FIFOs don't go to the file system.
// bind: readonly:/writable
// syscalls: access faccessat2
#include "../facts.h"

int main(void) {
    static const char *const paths[] = {"/readonly/file", "/readonly/link", "/readonly/dir", "/readonly/fifo", "/readonly/no"};
    NEED(mkfifo("/writable/fifo", 0644));
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5; i++) {
            say("%s:", paths[i]);
            CALL(access(paths[i], W_OK));
            CALL(access(paths[i], R_OK));
            CALL(syscall(439, AT_FDCWD, paths[i], W_OK, AT_SYMLINK_NOFOLLOW));
            CALL(syscall(439, AT_FDCWD, paths[i], R_OK, AT_SYMLINK_NOFOLLOW));
            NEED(chdir("/readonly"));
            CALL(access(paths[i] + 10, W_OK));
            CALL(syscall(439, AT_FDCWD, paths[i] + 10, W_OK, AT_SYMLINK_NOFOLLOW));
            NEED(chdir("/"));
        }
    }
    NEED(unlink("/writable/fifo"));
}
