// New files in a set-group-ID directory.
// user: root
// syscalls: openat mkdir mknodat symlink
#include "identity.h"

static void make(void) {
    say("as %d", getuid());
    char name[32];
    static const mode_t modes[] = {0644, 0755, 02755, 02745, 06777};
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof name, "file%d-%d", getuid(), i);
        int fd = open(name, O_CREAT | O_WRONLY, modes[i]);
        close(fd);
        owner(name);
        snprintf(name, sizeof name, "directory%d-%d", getuid(), i);
        NEED(mkdir(name, modes[i]));
        owner(name);
        snprintf(name, sizeof name, "fifo%d-%d", getuid(), i);
        NEED(mknod(name, S_IFIFO | modes[i], 0));
        owner(name);
    }
    snprintf(name, sizeof name, "link%d", getuid());
    NEED(symlink("x", name));
    owner(name);
}

int main(void) {
    directory_of("s", 0, 77, 02777);
    directory_of("plain", 0, 77, 0777);
    umask(0);
    NEED(chdir("s"));
    make();
    AS(33, 33) make();
    AS(34, 77) make();
    NEED(chdir("../plain"));
    make();
    AS(33, 33) make();
}
