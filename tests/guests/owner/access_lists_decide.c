// Access that an access control list grants and denies to a user other than root.
// user: root
// syscalls: setxattr openat access mkdir chdir unlink rename truncate
#include "identity.h"
#include "lists.h"

static void try(const char *path) {
    say("%d:%d %s: read %d, write %d", getuid(), getgid(), path, access(path, R_OK) == 0, access(path, W_OK) == 0);
    int fd = open(path, O_RDONLY);
    if (fd < 0) say("  read: %s", errno_name(errno));
    close(fd);
    fd = open(path, O_WRONLY);
    if (fd < 0) say("  write: %s", errno_name(errno));
    close(fd);
}

int main(void) {
    static const char *const names[] = {"f", "g", "h"};
    file_of("f", 0, 0, 0600);
    file_of("g", 0, 0, 0666);
    file_of("h", 0, 0, 0600);
    CALL(set_list_("f", "access", LIST({OWNER, 6}, {USER, 6, 33}, {OWNING_GROUP, 0}, {GROUP, 4, 44}, {MASK, 7}, {OTHER, 0})));
    CALL(set_list_("g", "access", LIST({OWNER, 6}, {USER, 0, 33}, {OWNING_GROUP, 6}, {GROUP, 0, 44}, {MASK, 7}, {OTHER, 6})));
    CALL(set_list_("h", "access", LIST({OWNER, 6}, {USER, 6, 33}, {OWNING_GROUP, 6}, {GROUP, 6, 44}, {MASK, 4}, {OTHER, 0})));
    for (int i = 0; i < 3; i++) {
        AS(33, 34) try(names[i]);
        AS(34, 44) try(names[i]);
        AS(34, 0) try(names[i]);
        AS(34, 34) try(names[i]);
    }
    CALL(chmod("f", 0600));
    AS(33, 34) try("f");
    directory_of("d", 0, 0, 0700);
    file_of("d/f", 0, 0, 0644);
    CALL(set_list_("d", "access", LIST({OWNER, 7}, {USER, 5, 33}, {OWNING_GROUP, 0}, {MASK, 7}, {OTHER, 0})));
    AS(33, 33) {
        try("d/f");
        list("d");
        CALL(mkdir("d/new", 0755));
        CALL(chdir("d"));
    }
    AS(34, 34) try("d/f");
    CALL(set_list_("d", "access", LIST({OWNER, 7}, {USER, 7, 33}, {OWNING_GROUP, 0}, {MASK, 7}, {OTHER, 0})));
    AS(33, 33) {
        CALL(mkdir("d/new", 0755));
        CALL(unlink("d/f"));
        CALL(rename("d/new", "d/newer"));
        CALL(truncate("g", 0));
    }
}
