// A guest path may have 4095 bytes, however long the root's own path is.
// syscalls: newfstatat openat mkdir chdir rmdir unlink symlink readlink getcwd
#include "../facts.h"

static char path[5000];

int main(void) {
    struct stat s;
    // Redundant slashes count but cost nothing.
    memset(path, '/', 4095);
    strcpy(path + 4095 - 9, "data/file");
    say("%zu bytes", strlen(path));
    CALL(stat(path, &s));
    memmove(path + 1, path, 4096);
    say("%zu bytes", strlen(path));
    CALL(stat(path, &s));
    CALL(open(path, O_RDONLY));
    CALL(mkdir(path, 0755));

    // A real tree whose deepest name is only just reachable from the top.
    strcpy(path, "/here");
    char name[101];
    memset(name, 'd', 100);
    name[100] = 0;
    for (int i = 0; i < 40; i++) {
        strcat(strcat(path, "/"), name);
        NEED(mkdir(path, 0755));
    }
    say("%zu bytes", strlen(path));
    show_stat(path);
    size_t end = strlen(path);
    strcpy(path + end, "/file");
    put(path, "deep\n");
    show(path);
    path[end] = 0;
    CALL(chdir(path));
    show("file");
    char cwd[5000];
    CALL(syscall(SYS_getcwd, cwd, sizeof cwd));
    say("getcwd agrees: %d", strcmp(cwd, path) == 0);
    CALL(mkdir(name, 0755));
    CALL(chdir(name));
    long got = syscall(SYS_getcwd, cwd, sizeof cwd);
    say("one deeper: getcwd %s", got < 0 ? errno_name(errno) : "succeeds");
    show("../file");
    CALL(chdir(".."));
    CALL(rmdir(name));
    CALL(unlink("file"));
    char link[5000];
    CALL(symlink(path, "/here/toit"));
    say("its target has %zd bytes", readlink("/here/toit", link, sizeof link));
    show_stat("/here/toit");
    CALL(chdir("/here/toit"));
    for (int i = 0; i < 40; i++) {
        NEED(chdir(".."));
        NEED(rmdir(name));
    }
    CALL(syscall(SYS_getcwd, cwd, sizeof cwd));
    say("%s", cwd);
}
