// A new file in a directory with a default list starts with that list.
// user: root
// syscalls: setxattr removexattr mkdir mknodat openat umask
#include "identity.h"
#include "lists.h"

static void show_new(const char *path) {
    owner(path);
    show_list(path, "access");
    show_list(path, "default");
}

int main(void) {
    directory_of("d", 33, 33, 0755);
    CALL(set_list_("d", "default", LIST({OWNER, 7}, {USER, 6, 44}, {OWNING_GROUP, 5}, {MASK, 7}, {OTHER, 4})));
    show_new("d");
    umask(077);
    int fd = open("d/file", O_CREAT | O_RDWR, 0666);
    close(fd);
    show_new("d/file");
    fd = open("d/private", O_CREAT | O_RDWR, 0600);
    close(fd);
    show_new("d/private");
    CALL(mkdir("d/directory", 0777));
    show_new("d/directory");
    CALL(mkdir("d/directory/inner", 0700));
    show_new("d/directory/inner");
    CALL(mkfifo("d/fifo", 0666));
    owner("d/fifo");
    CALL(mknod("d/null", S_IFCHR | 0666, makedev(1, 3)));
    owner("d/null");
    // These can't store their lists: see files_without_attributes.c.
    NEED(unlink("d/fifo"));
    NEED(unlink("d/null"));
    CALL(symlink("x", "d/link"));
    owner("d/link");
    AS(33, 33) {
        fd = open("d/theirs", O_CREAT | O_RDWR, 0640);
        close(fd);
        show_new("d/theirs");
    }
    AS(44, 44) {
        CALL(open("d/file", O_RDONLY) >= 0);
        CALL(open("d/private", O_RDONLY));
        CALL(chdir("d/directory"));
    }
    CALL(set_list_("d", "default", LIST({OWNER, 7}, {OWNING_GROUP, 5}, {OTHER, 0})));
    fd = open("d/minimal", O_CREAT | O_RDWR, 0666);
    show_new("d/minimal");
    CALL(mkdir("d/minimal directory", 0777));
    show_new("d/minimal directory");
    CALL(removexattr("d", "system.posix_acl_default"));
    show_new("d");
    CALL(mkdir("d/plain", 0777));
    show_new("d/plain");
}
