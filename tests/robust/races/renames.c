// Two processes move directories and swap links, a third looks up paths through them. No lookup may
// leave the root, where a file named `marker` exists at every level above it, and none may fail
// with an error that the kernel couldn't give: whatever the others do, a missing file is ENOENT.
#include "race.h"
#include <sys/syscall.h>

static void move_directories(void) {
    while (goes_on()) {
        rename("a/b/c", "c");
        rename("c", "a/b/c");
        rename("a/b", "b");
        rename("b", "a/b");
        syscall(SYS_renameat2, AT_FDCWD, "a/b", AT_FDCWD, "far/away/from", 2 /* RENAME_EXCHANGE */);
    }
}

static void swap_links(void) {
    static const char *const targets[] = {"a/b", "/", "..", "a/b/c/..", "/work/far/away", "../../..", "/work/l2"};
    unlink("l2");
    NEED(symlink("a/b", "l2"));
    for (unsigned i = 0; goes_on(); i++) {
        unlink("new");
        if (symlink(targets[i % 7], "new") == 0) rename("new", "l");
        syscall(SYS_renameat2, AT_FDCWD, "l", AT_FDCWD, "swapped", 2);
    }
}

static const char *const paths[] = {
    "a/b/c/../../../../marker", "a/b/c/d/../../../../../marker", "l/../marker", "l/../../marker", "swapped/../../marker",
    "/work/a/b/../../../marker", "/work/swapped/marker", "a/b/../../../../../../../marker", "swapped/c/../../../marker",
    "../marker", "/work/l/c/../../../../../marker", "a/b/c/d/marker", "/../marker", "l/l/l/../../../marker",
};

static void check(const char *what, const char *path, int result, int error) {
    if (result < 0 && error != ENOENT) WRONG("%s %s: %s", what, path, errno_name(error));
}

static long look(void) {
    long found = 0;
    for (long i = 0; goes_on(); i++) {
        const char *path = paths[i % (sizeof paths / sizeof *paths)];
        struct stat st;
        int fd = open(path, O_RDONLY);
        check("open", path, fd, errno);
        if (fd >= 0) {
            if (!holds(fd, "inside\n")) WRONG("%s leads outside", path);
            close(fd);
            found++;
        }
        int result = stat(path, &st);
        check("stat", path, result, errno);
        if (result == 0 && st.st_size != 7) WRONG("%s leads outside: stat", path);
        result = access(path, R_OK);
        check("access", path, result, errno);
        result = truncate(path, 7);
        check("truncate", path, result, errno);
        result = chmod(path, 0644);
        check("chmod", path, result, errno);
        result = lstat(path, &st);
        check("lstat", path, result, errno);
        result = unlink("l/c/missing");
        check("unlink", "l/c/missing", result, errno);
        result = rename("swapped/c/missing", "/work/l/missing");
        check("rename", "swapped/c/missing", result, errno);
        if (chdir("/work/swapped/c/d") == 0 && chdir("/work") < 0) WRONG("chdir: %s", errno_name(errno));
    }
    return found;
}

int main(int argc, char **argv) {
    begin(argv);
    NEED(chdir("/work"));
    for (const char *const *d = (const char *const[]){"a", "a/b", "a/b/c", "a/b/c/d", "far", "far/away", "far/away/from",
                                                      "swapped", NULL}; *d; d++)
        NEED(mkdir(*d, 0755));
    put("/marker", "inside\n");
    put("a/b/c/d/marker", "inside\n");
    NEED(symlink("a/b", "l"));
    pid_t moving = fork();
    if (moving == 0) move_directories(), _exit(0);
    pid_t swapping = fork();
    if (swapping == 0) swap_links(), _exit(0);
    long found = look();
    if (ended(moving) || ended(swapping)) WRONG("a process failed");
    if (!found) WRONG("nothing was found");
    say("%ld wrong", wrongs);
}
