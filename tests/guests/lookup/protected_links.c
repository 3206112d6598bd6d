// Links in directories that all users may write to: with fs.protected_symlinks only some are
// followed.
// user: root
// syscalls: openat openat2 access faccessat2 chdir chmod truncate
#include "../owner/identity.h"

static void try(const char *when) {
    say("%s", when);
    CALL(access("open/theirs", F_OK));
    CALL(access("/here/open/mine", F_OK));
    CALL(access("./open/../open/owners", F_OK));
    CALL(access("open/todir/file", F_OK));
    CALL(access("open/todir/", F_OK));
    CALL(access("open/todir/.", F_OK));
    CALL(access("to", F_OK));
    CALL(access("todir", F_OK));
    CALL(access("open/twice", F_OK));
    CALL(access("closed/theirs", F_OK));
    CALL(faccessat(AT_FDCWD, "open/theirs", F_OK, AT_SYMLINK_NOFOLLOW));
    int fd = CALL(open("open/theirs", O_RDONLY));
    if (fd >= 0) close(fd);
    fd = CALL(open("open/theirs", O_PATH | O_NOFOLLOW));
    if (fd >= 0) close(fd);
    fd = CALL(open("to", O_WRONLY | O_CREAT, 0600));
    if (fd >= 0) close(fd);
    CALL(chdir("open/todir"));
    CALL(chdir("/here"));
    CALL(chmod("to", 0644));
    CALL(truncate("open/theirs", 5));
    show_link("open/theirs");
    struct open_how { unsigned long long flags, mode, resolve; } how = {O_RDONLY, 0, 4 /* RESOLVE_NO_SYMLINKS */};
    CALL(syscall(SYS_openat2, AT_FDCWD, "open/theirs", &how, sizeof how));
    CALL(syscall(SYS_openat2, AT_FDCWD, "to", &how, sizeof how));
}

static void link_of(const char *to, const char *path, uid_t uid) {
    NEED(symlink(to, path));
    NEED(lchown(path, uid, uid));
}

int main(void) {
    file_of("file", 33, 33, 0666);
    directory_of("dir", 33, 33, 0777);
    file_of("dir/file", 33, 33, 0666);
    directory_of("open", 36, 36, 01777);
    directory_of("closed", 36, 36, 01775);
    link_of("../file", "open/theirs", 35);
    link_of("../file", "open/mine", 33);
    link_of("../file", "open/owners", 36);
    link_of("../dir", "open/todir", 35);
    link_of("open/theirs", "to", 0);
    link_of("open/todir", "todir", 0);
    link_of("mine", "open/twice", 35);
    link_of("../file", "closed/theirs", 35);
    AS(33, 33) try("a user");
    AS(35, 35) try("the link's owner");
    try("root");
    NEED(chmod("open", 0777));
    AS(33, 33) try("not sticky");
}
