// With no descriptor left, then with one left, and so on: a stat needs none, an open one, and an
// exec none of the program's own. The kernel answers the same at each step.
#include "race.h"

static const char *const files[] = {"/work/file", "/link/file", "/work/deep/link", "/bound/file", "/work/../link/./file"};

// Leaves this number of descriptors free.
static void leave(int number) {
    while (dup(0) >= 0) {}
    for (int i = 0; i < number; i++) close(40 + i);
}

static void try(int left, const char *file) {
    struct stat st;
    char text[64];
    leave(left);
    if (stat(file, &st) < 0) WRONG("%d left: stat %s: %s", left, file, errno_name(errno));
    if (access(file, R_OK) < 0) WRONG("%d left: access %s: %s", left, file, errno_name(errno));
    if (stat("/link/missing", &st) == 0 || errno != ENOENT) WRONG("%d left: a missing file: %s", left, errno_name(errno));
    if (readlink("/link", text, sizeof text) != 4) WRONG("%d left: readlink: %s", left, errno_name(errno));
    if (mkdir("/work/deep/new", 0755) < 0 || rmdir("/link/deep/new") < 0)
        WRONG("%d left: a directory: %s", left, errno_name(errno));
    int opened = 0, fd;
    while ((fd = open(file, O_RDONLY)) >= 0) {
        if (!holds(fd, "text")) WRONG("%d left: %s is another file", left, file);
        opened++;
    }
    if (opened != left || errno != EMFILE) WRONG("%d opened of %d: %s", opened, left, errno_name(errno));
    execl(left % 2 ? "/link/program" : "/bin/race", "race", "7", (char *)NULL);
    WRONG("%d left: exec: %s", left, errno_name(errno));
}

int main(int argc, char **argv) {
    struct stat st;
    if (!strcmp(argv[1], "7")) return stat("/link/file", &st) == 0 ? 7 : 8;
    begin(argv);
    NEED(mkdir("/work/deep", 0755));
    NEED(symlink("work", "/link"));
    NEED(symlink("../file", "/work/deep/link"));
    put("/work/file", "text");
    put("/bound/file", "text");
    NEED(link("/bin/race", "/work/program"));
    NEED(setrlimit(RLIMIT_NOFILE, &(struct rlimit){64, 64}));
    do {
        for (unsigned i = 0; i < sizeof files / sizeof *files; i++)
            for (int left = 0; left < 8; left++) {
                pid_t pid = fork();
                if (pid == 0) try(left, files[i]), _exit(9);
                int end = ended(pid);
                if (end != 7) WRONG("%s with %d left ended with %d", files[i], left, end);
            }
    } while (goes_on());
    say("%ld wrong", wrongs);
}
