// Operations that root may do whatever the owners and modes, and operations that no user may do.
// user: root
// syscalls: openat mkdir rmdir chmod chown utimensat unlink link mknodat setxattr access
#include "identity.h"

static void with(const char *what, unsigned long long kept) {
    pid_t child = fork();
    if (child == 0) {
        struct capabilities c = get_capabilities();
        c.effective = kept;
        NEED(set_capabilities(c));
        say("%s", what);
        CALL(open("f", O_RDONLY) >= 0);
        CALL(open("f", O_WRONLY) >= 0);
        CALL(open("d", O_RDONLY) >= 0);
        CALL(mkdir("d/x", 0700));
        CALL(rmdir("d/x"));
        CALL(chmod("f", 0));
        CALL(chown("f", 33, 33));
        CALL(utimensat(AT_FDCWD, "f", (struct timespec[2]){{1, 0}, {1, 0}}, 0));
        CALL(unlink("sticky/f"));
        CALL(link("f", "hard"));
        CALL(unlink("hard"));
        CALL(mknod("null", S_IFCHR, makedev(1, 3)));
        CALL(setxattr("f", "trusted.x", "", 0, 0));
        CALL(open("f", O_RDONLY | O_NOATIME) >= 0);
        CALL(access("x", X_OK));
        _exit(0);
    }
    reap("child", child);
    unlink("null");
    if (access("sticky/f", F_OK)) file_of("sticky/f", 33, 33, 0600);
}

int main(void) {
    file_of("f", 33, 33, 0);
    file_of("x", 33, 33, 0644);
    directory_of("d", 33, 33, 0);
    directory_of("sticky", 33, 33, 01777);
    file_of("sticky/f", 33, 33, 0600);
    with("all", get_capabilities().effective);
    with("none", 0);
    with("override", 1 << CAP_DAC_OVERRIDE);
    with("search", 1 << CAP_DAC_READ_SEARCH);
    with("owner", 1 << CAP_FOWNER);
    with("chown", 1 << CAP_CHOWN);
    with("mknod", 1 << CAP_MKNOD | 1 << CAP_DAC_OVERRIDE);
    with("admin", 1 << CAP_SYS_ADMIN);
}
