// access, faccessat and faccessat2 with each of their flags.
// syscalls: access faccessat faccessat2
#include "../facts.h"

int main(void) {
    static const char *const paths[] = {
        "/data/file", "/data/unreadable", "/data/locked", "/data/dir", "/bin/guest", "/data/link", "/data/dangling", "/data/loop",
        "/data/locked/file", "/data/file/x", "/readonly/file", "/bound/file", "/", "/data/missing",
    };
    static const int modes[] = {F_OK, R_OK, W_OK, X_OK, R_OK | W_OK, R_OK | W_OK | X_OK};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char line[200] = "";
        for (size_t m = 0; m < sizeof modes / sizeof *modes; m++) {
            strcat(line, " ");
            strcat(line, access(paths[i], modes[m]) ? errno_name(errno) : "ok");
        }
        say("%s:%s", paths[i], line);
    }
    CALL(access("/data/file", 8));
    CALL(faccessat(AT_FDCWD, "/data/dangling", F_OK, AT_SYMLINK_NOFOLLOW));
    CALL(syscall(SYS_faccessat, AT_FDCWD, "/data/dangling", F_OK));
    CALL(syscall(439, AT_FDCWD, "/data/file", R_OK, AT_EACCESS));
    CALL(syscall(439, AT_FDCWD, "/data/dangling", F_OK, AT_SYMLINK_NOFOLLOW));
    CALL(syscall(439, AT_FDCWD, "/data/link", R_OK, AT_SYMLINK_NOFOLLOW | AT_EACCESS));
    CALL(syscall(439, AT_FDCWD, "/data/file", R_OK, 0x10));
    CALL(syscall(439, AT_FDCWD, "/data/file", R_OK, 1 << 20));
    CALL(euidaccess("/data/file", W_OK));
    CALL(euidaccess("/data/unreadable", R_OK));
}
