// A relative path starts at any directory descriptor; an absolute one ignores the descriptor.
// syscalls: openat newfstatat statx faccessat2 readlinkat mkdirat symlinkat linkat mknodat renameat
// syscalls: fchmodat fchownat utimensat unlinkat
#include "../facts.h"

static void from(const char *kind, int fd) {
    struct stat s;
    struct statx x;
    char b[100];
    say("from %s", kind);
    CALL(openat(fd, "inner", O_RDONLY | O_CLOEXEC));
    close(9);
    CALL(fstatat(fd, "inner", &s, 0));
    CALL(fstatat(fd, "..", &s, 0));
    CALL(fstatat(fd, "/data/file", &s, 0));
    CALL(fstatat(fd, "", &s, 0));
    CALL(statx(fd, "deep/leaf", 0, STATX_BASIC_STATS, &x));
    CALL(faccessat(fd, "inner", R_OK, 0));
    CALL(readlinkat(fd, "../link", b, sizeof b));
    CALL(mkdirat(fd, "d", 0755));
    CALL(symlinkat("inner", fd, "s"));
    CALL(linkat(fd, "inner", fd, "h", 0));
    CALL(mknodat(fd, "f", S_IFIFO | 0644, 0));
    CALL(renameat(fd, "h", fd, "h2"));
    CALL(renameat(fd, "h2", AT_FDCWD, "/data/dir/h3"));
    CALL(fchmodat(fd, "h3", 0644, 0));
    CALL(fchownat(fd, "h3", -1, -1, AT_SYMLINK_NOFOLLOW));
    CALL(utimensat(fd, "h3", NULL, 0));
    CALL(unlinkat(fd, "h3", 0));
    CALL(unlinkat(fd, "s", 0));
    CALL(unlinkat(fd, "f", 0));
    CALL(unlinkat(fd, "d", AT_REMOVEDIR));
    CALL(unlinkat(fd, "inner", AT_REMOVEDIR));
    CALL(unlinkat(fd, "deep", 0));
}

int main(void) {
    int directory = open("/data/dir", O_RDONLY), path = open("/data/dirlink", O_PATH), file = open("/data/file", O_RDONLY);
    int pair[2], pipes[2];
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    NEED(pipe(pipes));
    int link = open("/data/dirlink", O_PATH | O_NOFOLLOW);
    from("a directory", directory);
    close(directory);
    directory = -1;
    from("an O_PATH directory", path);
    close(path);
    from("a file", file);
    from("a socket", pair[0]);
    from("a pipe", pipes[0]);
    from("an O_PATH link", link);
    from("a closed descriptor", 555);
    from("minus one", -1);
    NEED(chdir("/data/dir"));
    from("the working directory", AT_FDCWD);
}
