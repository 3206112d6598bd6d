// All names of a file are equal, for every call.
// link: static dynamic
// syscalls: link linkat unlink rename renameat2 newfstatat statx readlink openat getdents64 chmod
// syscalls: lchown utimensat truncate execve bind connect
#include "../facts.h"
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>

static ino_t inode;

static void counts(const char *path) {
    struct stat a, b, c, d;
    NEED(stat(path, &a));
    NEED(lstat(path, &b));
    int fd = open(path, O_RDONLY);
    int mere = open(path, O_PATH | O_NOFOLLOW);
    NEED(fd);
    NEED(mere);
    NEED(fstat(fd, &c));
    NEED(fstatat(mere, "", &d, AT_EMPTY_PATH));
    struct statx x, y;
    NEED(statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &x));
    NEED(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &y));
    say("%s: %ld %ld %ld %ld %u %u links, a %s", path, (long)a.st_nlink, (long)b.st_nlink, (long)c.st_nlink,
        (long)d.st_nlink, x.stx_nlink, y.stx_nlink, type_name(b.st_mode));
    bool same = a.st_ino == inode && b.st_ino == inode && c.st_ino == inode && d.st_ino == inode && x.stx_ino == inode
        && y.stx_ino == inode;
    if (!same) say("%s: another inode", path);
    close(fd);
    close(mere);
}

static void listed(const char *path) {
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    NEED(n);
    for (int i = 0; i < n; i++) {
        struct stat s;
        NEED(fstatat(AT_FDCWD, names[i]->d_name, &s, AT_SYMLINK_NOFOLLOW));
        say("%s: type %d, inode %d", names[i]->d_name, names[i]->d_type, names[i]->d_ino == s.st_ino);
        free(names[i]);
    }
    free(names);
}

static void as_a_name(void) {
    char byte;
    struct stat s;
    CALL(readlink("b", &byte, 1));
    CALL(open("b", O_RDONLY | O_DIRECTORY));
    CALL(open("b", O_CREAT | O_EXCL | O_RDWR, 0600));
    CALL(open("b/", O_RDONLY));
    CALL(stat("b/c", &s));
    CALL(stat("b/..", &s));
    CALL(lstat("b/", &s));
    CALL(mkdir("b", 0755));
    CALL(rmdir("b"));
    CALL(symlink("x", "b"));
    CALL(mkfifo("b", 0600));
    CALL(link("c", "b"));
    CALL(chdir("b"));
    CALL(unlink("b/"));
    CALL(rename("b/", "x"));
    CALL(rename("b", "x/"));
    CALL(mkdir("d", 0755));
    CALL(rename("b", "d"));
    CALL(rename("d", "b"));
    CALL(rmdir("d"));
    int fd = open("b", O_RDONLY | O_NOFOLLOW);
    NEED(fd);
    show_fd("b", fd);
    char proc[40];
    snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
    CALL(linkat(AT_FDCWD, proc, AT_FDCWD, "by descriptor", AT_SYMLINK_FOLLOW));
    close(fd);
    CALL(unlink("by descriptor"));
    fd = open(".", O_PATH);
    CALL(faccessat(fd, "b", W_OK, 0));
    CALL(syscall(SYS_faccessat2, fd, "b", X_OK, AT_SYMLINK_NOFOLLOW));
    CALL(linkat(fd, "b", fd, "at", 0));
    CALL(unlinkat(fd, "at", AT_REMOVEDIR));
    CALL(unlinkat(fd, "at", 0));
    close(fd);
}

static void changed(void) {
    struct stat s;
    CALL(chmod("b", 0640));
    show_lstat("a");
    CALL(fchmodat(AT_FDCWD, "c", 0600, AT_SYMLINK_NOFOLLOW));
    show_lstat("a");
    CALL(lchown("b", -1, -1));
    struct timespec times[2] = {{1000, 5}, {2000, 6}};
    CALL(utimensat(AT_FDCWD, "b", times, AT_SYMLINK_NOFOLLOW));
    NEED(stat("a", &s));
    say("modified %ld.%09ld", (long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    CALL(truncate("b", 3));
    CALL(lsetxattr("b", "user.of", "all", 3, 0));
    char value[8];
    CALL(getxattr("c", "user.of", value, sizeof value));
    CALL(llistxattr("a", value, sizeof value));
    CALL(lremovexattr("a", "user.of"));
    CALL(lgetxattr("b", "user.of", value, sizeof value));
    show("a");
}

static void replaced(void) {
    CALL(rename("a", "b"));
    counts("a");
    CALL(rename("c", "moved"));
    counts("moved");
    CALL(mkdir("d", 0755));
    CALL(rename("moved", "d/c"));
    counts("d/c");
    CALL(rename("d", "e"));
    counts("e/c");
    put("other", "other\n");
    CALL(syscall(SYS_renameat2, AT_FDCWD, "other", AT_FDCWD, "b", 1));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "other", AT_FDCWD, "b", 2));
    show("other");
    show("b");
    CALL(rename("b", "a"));
    show("a");
    counts("other");
    CALL(link("a", "a2"));
    CALL(rename("a", "other"));
    counts("e/c");
    show("other");
    CALL(rename("a2", "other"));
    list(".");
}

static void last_one(void) {
    int fd = open("e/c", O_RDWR);
    NEED(fd);
    CALL(unlink("e/c"));
    struct stat s;
    NEED(fstat(fd, &s));
    say("unlinked: %ld links", (long)s.st_nlink);
    show_fd("unlinked", fd);
    close(fd);
}

static void of_other_kinds(void) {
    CALL(mkfifo("fifo", 0600));
    CALL(link("fifo", "fifo2"));
    show_lstat("fifo2");
    CALL(unlink("fifo"));
    show_lstat("fifo2");
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {AF_UNIX, "socket"};
    CALL(bind(server, (struct sockaddr *)&address, sizeof address));
    CALL(listen(server, 1));
    CALL(link("socket", "socket2"));
    strcpy(address.sun_path, "socket2");
    CALL(bind(client, (struct sockaddr *)&address, sizeof address));
    CALL(connect(client, (struct sockaddr *)&address, sizeof address));
    CALL(symlink("fifo2", "s"));
    CALL(link("s", "s2"));
    show_lstat("s2");
    show_link("s2");
    show_stat("s2");
    CALL(open("s2", O_RDONLY | O_NOFOLLOW));
    CALL(mkdir("deeper", 0755));
    CALL(rename("s2", "deeper/s2"));
    show_stat("deeper/s2");
    CALL(unlink("s"));
    show_lstat("deeper/s2");
    CALL(lchown("deeper/s2", -1, -1));
    CALL(symlink("file", "to-file"));
    put("file", "file\n");
    CALL(link("file", "file2"));
    CALL(unlink("file"));
    show("to-file");
    CALL(rename("file2", "file"));
    show("to-file");
    CALL(link("to-file", "to-file2"));
    show("to-file2");
}

int main(void) {
    put("a", "one of three\n");
    struct stat s;
    NEED(stat("a", &s));
    inode = s.st_ino;
    int before = open("a", O_RDWR);
    CALL(link("a", "b"));
    CALL(link("b", "c"));
    NEED(fstat(before, &s));
    say("by one opened before: %ld links", (long)s.st_nlink);
    NEED(pwrite(before, "two", 3, 0));
    counts("a");
    counts("b");
    counts("c");
    listed(".");
    as_a_name();
    changed();
    replaced();
    last_one();
    of_other_kinds();
    CALL(link("/bin/report", "program"));
    pid_t child = fork();
    if (child == 0) {
        execl("./program", "program", "run by its second name", NULL);
        _exit(9);
    }
    reap("program", child);
    listed(".");
}
