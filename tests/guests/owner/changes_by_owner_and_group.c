// chmod and chown by the owner, by a member of the group, and by others.
// user: root
// syscalls: chmod lchown
#include "identity.h"

static void try(const char *path) {
    say("as %d: %s", getuid(), path);
    CALL(chmod(path, 02775));
    owner(path);
    CALL(lchown(path, 33, -1));
    CALL(lchown(path, -1, 33));
    CALL(lchown(path, -1, 44));
    CALL(lchown(path, -1, 55));
    CALL(lchown(path, 0, 0));
    CALL(lchown(path, -1, -1));
    owner(path);
}

int main(void) {
    file_of("mine", 33, 44, 0664);
    file_of("theirs", 35, 33, 0664);
    directory_of("directory", 33, 66, 0755);
    gid_t more[] = {44};
    pid_t child = fork();
    if (child == 0) {
        NEED(setgroups(1, more));
        NEED(setgid(33));
        NEED(setuid(33));
        try("mine");
        try("theirs");
        try("directory");
        CALL(symlink("mine", "link"));
        _exit(0);
    }
    reap("child", child);
    directory_of("open", 33, 33, 0777);
    AS(33, 33) {
        NEED(chdir("open"));
        NEED(symlink("x", "link"));
        try("link");
    }
    owner("mine");
    owner("directory");
}
