// A lookup follows up to forty links, counted over the whole path; more is ELOOP.
// syscalls: newfstatat openat access chdir truncate mkdir rename execve unlink
#include "../facts.h"

// Shows a file, or that even the hundredth attempt gives ELOOP. The kernel counts links twice where
// another process makes it restart a lookup, so it sometimes finds too many where there are just
// enough.
static void show_at_last(const char *path) {
    int fd = -1;
    for (int i = 0; i < 100 && fd < 0; i++) {
        fd = open(path, O_RDONLY);
        if (fd < 0 && errno != ELOOP) break;
    }
    if (fd < 0) {
        say("open %s: %s", path, errno_name(errno));
        return;
    }
    show_fd(path, fd);
    close(fd);
}

int main(void) {
    char name[20], target[20];
    put("l0", "end\n");
    for (int i = 1; i <= 42; i++) {
        snprintf(name, sizeof name, "l%d", i);
        snprintf(target, sizeof target, "%sl%d", i % 2 ? "" : "/here/", i - 1);
        NEED(symlink(target, name));
    }
    show_at_last("l39");
    show_at_last("l40");
    show_at_last("l41");
    show_lstat("l41");
    NEED(symlink(".", "here"));
    char path[600] = "";
    for (int i = 0; i < 40; i++) strcat(path, "here/");
    strcat(path, "l0");
    show_at_last(path);
    memmove(path + 5, path, strlen(path) + 1);
    CALL(access(path, F_OK));
    struct stat s;
    CALL(stat("/data/loop", &s));
    CALL(stat("/data/loop/x", &s));
    CALL(lstat("/data/loop", &s));
    CALL(open("/data/loop", O_RDONLY));
    CALL(open("/data/loop", O_RDWR | O_CREAT, 0644));
    CALL(open("/data/loop", O_RDWR | O_CREAT | O_EXCL, 0644));
    CALL(chdir("/data/loop"));
    CALL(truncate("/data/loop", 0));
    CALL(mkdir("/data/loop", 0755));
    CALL(mkdir("/data/loop/x", 0755));
    CALL(rename("/data/loop/x", "y"));
    CALL(execv("/data/loop", (char *[]){"x", NULL}));
    NEED(symlink("b", "a"));
    NEED(symlink("/here/a", "b"));
    CALL(stat("a", &s));
    CALL(unlink("a"));
    CALL(stat("b", &s));
}
