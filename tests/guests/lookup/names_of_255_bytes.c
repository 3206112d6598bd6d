// A name may have 255 bytes, whatever precedes it; 256 are too many.
// syscalls: mkdir newfstatat rename rmdir link unlink symlink access openat
#include "../facts.h"

static char longest[256], too_long[257];

static void everywhere(const char *directory) {
    char path[600], other[600];
    snprintf(path, sizeof path, "%s/%s", directory, longest);
    snprintf(other, sizeof other, "%s/%.*s", directory, 255, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
    say("in %s", directory);
    struct stat s;
    CALL(mkdir(path, 0755));
    CALL(stat(path, &s));
    CALL(rename(path, other));
    CALL(rmdir(other));
    put(path, "long\n");
    CALL(link(path, other));
    CALL(unlink(other));
    CALL(symlink(longest, other));
    CALL(access(other, R_OK));
    CALL(unlink(other));
    int fd = open(path, O_RDONLY);
    show_fd("it", fd);
    char proc[40], target[PATH_MAX];
    snprintf(proc, sizeof proc, "/proc/self/fd/%d", fd);
    say("its link has %zd bytes", readlink(proc, target, sizeof target));
    close(fd);
    CALL(unlink(path));
    snprintf(path, sizeof path, "%s/%s", directory, too_long);
    CALL(stat(path, &s));
    CALL(mkdir(path, 0755));
    CALL(open(path, O_RDWR | O_CREAT, 0644));
    CALL(rename("/data/file", path));
    CALL(unlink(path));
    strcat(path, "/below");
    CALL(stat(path, &s));
}

int main(void) {
    memset(longest, 'x', 255);
    memset(too_long, 'x', 256);
    everywhere(".");
    everywhere("/here");
    everywhere("/bound");
    everywhere("/bound/nested/../dirlink");
    everywhere("/made/by/binding");
    struct stat s;
    char path[600];
    snprintf(path, sizeof path, "/missing/%s", too_long);
    CALL(stat(path, &s));
    snprintf(path, sizeof path, "/data/file/%s", too_long);
    CALL(stat(path, &s));
}
