// Errors of the other arguments are reported before errors of the path.
// syscalls: access faccessat faccessat2 newfstatat statx openat readlink
#include "../facts.h"

int main(void) {
    struct statx seen;
    for (int i = 0; i < 2; i++) {
        CALL(access("/nowhere", 8));
        CALL(access("/data/file", 8));
        CALL(access("/data/file", -1));
        CALL(syscall(SYS_faccessat, AT_FDCWD, "/nowhere", 8));
        CALL(syscall(SYS_faccessat2, AT_FDCWD, "/nowhere", 8, 0));
        CALL(syscall(SYS_faccessat2, AT_FDCWD, "/nowhere", 0, 1));
        CALL(syscall(SYS_statx, AT_FDCWD, "/nowhere", 0, 0x80000000u, &seen));
        CALL(syscall(SYS_statx, AT_FDCWD, "/nowhere", AT_STATX_SYNC_TYPE, 0, &seen));
        CALL(syscall(SYS_statx, AT_FDCWD, "/data/file", AT_STATX_SYNC_TYPE, 0, &seen));
        CALL(statx(AT_FDCWD, "/nowhere", 0, 0x80000000u, &seen));
        CALL(access((char *)1, 8));
        CALL(syscall(SYS_access, "/data/file", 4 | 1L << 40));
        CALL(syscall(SYS_newfstatat, 5L << 40 | (uint32_t)AT_FDCWD, "/data/file", &seen, 1L << 40 | AT_SYMLINK_NOFOLLOW));
        CALL(syscall(SYS_open, "/data/file", 1L << 40, 0));
        close(3);
        CALL(readlink("/data/file", (char *)&seen, 0));
        CALL(readlink("/nowhere", (char *)&seen, 0));
        CALL(readlink("/data/link", (char *)1, 10));
        CALL(readlink("/data/dir", (char *)&seen, 10));
        CALL(open("/data/file", O_RDONLY | O_DIRECTORY | O_CREAT, 0644));
        CALL(open("/data/dir", O_TMPFILE, 0644));
        CALL(open("/data/dir", O_RDONLY | O_CREAT, 0644));
    }
}
