// open(2) by users other than root: read, write, create, truncate.
// user: root
// syscalls: openat
#include "identity.h"

static void try(const char *path, int flags) {
    int fd = open(path, flags, 0600);
    if (fd < 0) say("%s %o: %s", path, flags, errno_name(errno));
    else say("%s %o: open", path, flags);
    close(fd);
}

int main(void) {
    directory_of("d", 0, 0, 0755);
    directory_of("mine", 33, 33, 0700);
    directory_of("exec", 0, 0, 0711);
    directory_of("read", 0, 0, 0744);
    static const char *const places[] = {"d", "exec", "read"};
    for (int i = 0; i < 3; i++) {
        NEED(chdir(places[i]));
        file_of("r", 0, 0, 0604);
        file_of("w", 0, 0, 0602);
        file_of("group", 0, 33, 0640);
        file_of("none", 33, 33, 0077);
        file_of("zero", 33, 33, 0);
        NEED(chdir(".."));
    }
    NEED(symlink("../d/r", "mine/link"));
    NEED(symlink("../d/new", "mine/dangling"));
    AS(33, 33) {
        static const char *const names[] = {"r", "w", "group", "none", "zero", "new", ".", "r/x", "new/x"};
        static const int flags[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, O_WRONLY | O_CREAT, O_PATH,
            O_CREAT | O_EXCL | O_RDWR, O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOATIME};
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 9; j++)
                for (int k = 0; k < 9; k++) {
                    char path[64];
                    snprintf(path, sizeof path, "%s/%s", places[i], names[j]);
                    try(path, flags[k]);
                }
        try("mine/link", O_RDWR);
        try("mine/link", O_RDONLY | O_CREAT);
        try("mine/dangling", O_RDWR | O_CREAT);
        try("mine/new", O_RDWR | O_CREAT);
        owner("mine/new");
        int fd = open("mine/zero", O_CREAT | O_RDWR, 0);
        CALL(write(fd, "x", 1));
        try("mine/zero", O_RDONLY);
    }
    show("d/none");
}
