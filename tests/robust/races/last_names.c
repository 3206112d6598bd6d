// A process gives a file a second name and removes both, while others examine an open descriptor of
// it: fstat(2) never fails, and never counts more names than there were.
#include "race.h"

static void examine(void) {
    while (goes_on()) {
        int fd = open("one", O_RDONLY);
        if (fd < 0) {
            if (errno != ENOENT) WRONG("open: %s", errno_name(errno));
            continue;
        }
        for (int i = 0; i < 20; i++) {
            struct stat s;
            if (fstat(fd, &s) < 0) WRONG("fstat: %s", errno_name(errno));
            else if (s.st_nlink > 2) WRONG("fstat: %ld links", (long)s.st_nlink);
        }
        close(fd);
    }
}

int main(int argc, char **argv) {
    begin(argv);
    NEED(chdir("/work"));
    pid_t children[3];
    for (unsigned i = 0; i < 3; i++) {
        NEED(children[i] = fork());
        if (children[i] == 0) {
            examine();
            _exit(wrongs != 0);
        }
    }
    while (goes_on()) {
        put("one", "one\n");
        if (link("one", "two") < 0) WRONG("link: %s", errno_name(errno));
        if (unlink("one") < 0) WRONG("unlink: %s", errno_name(errno));
        if (unlink("two") < 0) WRONG("unlink: %s", errno_name(errno));
    }
    for (unsigned i = 0; i < 3; i++)
        if (ended(children[i])) WRONG("process %u found something wrong", i);
    printf("%ld wrong\n", (long)wrongs);
}
