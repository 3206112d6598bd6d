// Guest paths may have 4095 bytes even where the root's own path has nearly as many.
// root: long
// syscalls: openat getcwd readlink link rename symlink chmod truncate utimensat statfs getxattr
// syscalls: mkdir rmdir chdir unlinkat bind execve
#include "../facts.h"
#include <sys/statfs.h>
#include <sys/xattr.h>

static char path[5000], other[5000], seen[5000];

// Prints whether a path from the kernel is the expected one.
static void compare(const char *what, long n, const char *wanted) {
    if (n < 0) say("%s: %s", what, errno_name(errno));
    else say("%s: %s", what, !strncmp(seen, wanted, strlen(wanted)) && (n == (long)strlen(wanted) || !seen[n - 1]) ? "as it should be" : seen);
}

static void where(const char *what, const char *wanted) {
    compare(what, syscall(SYS_getcwd, seen, sizeof seen), wanted);
}

int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        show_link("/proc/self/root");
        where("executed: working directory", "/here");
        return 5;
    }
    // Files near the top.
    show("/data/abs");
    show("/bound/nested/file");
    show("/made/by/binding/file");
    show("/data/outwards");
    list("/data/dir");
    show_link("/proc/self/exe");
    show_link("/proc/self/cwd");
    where("at the top", "/here");

    // A tree whose deepest name can just be reached from the top.
    strcpy(path, "/here");
    char name[101];
    memset(name, 'd', 100);
    name[100] = 0;
    int depth = 0;
    for (; strlen(path) + 101 < 4060; depth++) {
        strcat(strcat(path, "/"), name);
        NEED(mkdir(path, 0755));
    }
    say("%zu bytes", strlen(path));
    size_t end = strlen(path);
#define IN(file) (strcpy(path + end, "/" file), path)
    put(IN("file"), "deep\n");
    show(IN("file"));
    show_stat(IN("file"));
    strcpy(other, IN("other"));
    CALL(link(IN("file"), other));
    CALL(rename(other, IN("renamed")));
    strcpy(other, IN("file"));
    CALL(symlink(other, "/here/link"));
    show("/here/link");
    CALL(symlink("file", IN("link")));
    show_link(IN("link"));
    show(IN("link"));
    CALL(access(IN("renamed"), W_OK));
    CALL(chmod(IN("renamed"), 0600));
    CALL(truncate(IN("renamed"), 2));
    show(IN("link"));
    CALL(utimensat(AT_FDCWD, IN("link"), NULL, AT_SYMLINK_NOFOLLOW));
    struct statfs s;
    CALL(statfs(IN("file"), &s));
    CALL(getxattr(IN("file"), "user.none", NULL, 0));
    CALL(mkdir(IN("dir"), 0755));
    CALL(rmdir(IN("dir")));
    list(IN("."));

    // From inside.
    path[end] = 0;
    CALL(chdir(path));
    where("chdir", path);
    compare("cwd", readlink("/proc/self/cwd", seen, sizeof seen), path);
    show("file");
    show("./link");
    show("../../../../bound/file");
    CALL(mkdir("dir", 0755));
    CALL(chdir("dir"));
    where("deeper", IN("dir"));
    path[end] = 0;
    show("../file");
    CALL(rename("../renamed", "../again"));
    int fd = open("..", O_RDONLY | O_DIRECTORY);
    snprintf(other, sizeof other, "/proc/self/fd/%d", fd);
    compare("descriptor", readlink(other, seen, sizeof seen), path);
    CALL(fchdir(fd));
    where("fchdir", path);
    CALL(unlinkat(fd, "again", 0));
    CALL(unlinkat(fd, "dir", AT_REMOVEDIR));
    show_stat("..");
    int socket_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    CALL(bind(socket_fd, (void *)&address, sizeof address));
    CALL(unlink("socket"));
    CALL(chdir("/here"));

    pid_t child = fork();
    if (child == 0) {
        NEED(chdir(path));
        CALL(chdir("/here"));
        execl("/bin/guest", "guest", "again", NULL);
        _exit(9);
    }
    reap("child", child);
    child = fork();
    if (child == 0) {
        // The working directory is inherited by descriptor, whatever its path.
        NEED(chdir(path));
        execl("/bin/report", "report", NULL);
        _exit(9);
    }
    reap("deep child", child);

    CALL(unlink(IN("link")));
    CALL(unlink(IN("file")));
    path[end] = 0;
    NEED(chdir(path));
    for (int i = 0; i < depth; i++) {
        NEED(chdir(".."));
        NEED(rmdir(name));
    }
    where("back", "/here");
    CALL(unlink("link"));
}
