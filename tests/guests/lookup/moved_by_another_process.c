// A process's working directory and descriptors follow when another process moves them.
// syscalls: chdir fchdir getcwd renameat2 faccessat2
#include "../facts.h"

static void other(const char *from, const char *to) {
    pid_t child = fork();
    if (child == 0) _exit(rename(from, to) < 0);
    int status;
    NEED(waitpid(child, &status, 0));
    if (status) say("cannot move %s", from);
}

static void here(void) {
    char cwd[PATH_MAX];
    say("in %s", getcwd(cwd, sizeof cwd) ? cwd : errno_name(errno));
}

int main(void) {
    NEED(mkdir("a", 0755));
    NEED(mkdir("a/b", 0755));
    NEED(mkdir("a/b/c", 0755));
    put("a/b/c/file", "moved along\n");
    int fd = open("a/b", O_RDONLY);
    NEED(chdir("a/b/c"));
    other("/here/a/b", "/tmp/b");
    here();
    show("file");
    show("../c/file");
    CALL(access("../../../here/a", F_OK));
    CALL(faccessat(fd, "c/file", R_OK, 0));
    CALL(faccessat(fd, "../b", R_OK, 0));
    other("/tmp/b", "/here/b2");
    here();
    put("new", "by relative name\n");
    show("/here/b2/c/new");
    show_link("/proc/self/cwd");
    other("/here/b2/c", "/here/b2/d");
    here();
    CALL(chdir(".."));
    here();
    CALL(fchdir(fd));
    here();
    list(".");
    CALL(syscall(SYS_renameat2, AT_FDCWD, "/here/a", AT_FDCWD, "/here/b2", RENAME_EXCHANGE));
    here();
}
