// stat, readlink, chdir, listing and attributes below directories without search permission.
// user: root
// syscalls: newfstatat readlink chdir fchdir getcwd openat truncate getxattr access faccessat2
#include "identity.h"

int main(void) {
    directory_of("hidden", 0, 0, 0700);
    directory_of("listed", 0, 0, 0744);
    directory_of("passed", 0, 0, 0711);
    static const char *const places[] = {"hidden", "listed", "passed"};
    for (int i = 0; i < 3; i++) {
        NEED(chdir(places[i]));
        file_of("f", 33, 33, 0666);
        NEED(symlink("f", "l"));
        directory_of("d", 33, 33, 0755);
        NEED(chdir(".."));
    }
    NEED(symlink("hidden/f", "to"));
    int fd = open("hidden", O_RDONLY | O_DIRECTORY);
    AS(33, 33) {
        char target[64];
        struct stat s;
        for (int i = 0; i < 3; i++) {
            say("%s", places[i]);
            CALL(chdir(places[i]));
            char path[64];
            snprintf(path, sizeof path, "%s/f", places[i]);
            CALL(stat(path, &s));
            CALL(truncate(path, 2));
            CALL(getxattr(path, "user.x", NULL, 0));
            snprintf(path, sizeof path, "%s/l", places[i]);
            CALL(lstat(path, &s));
            CALL(readlink(path, target, sizeof target));
            snprintf(path, sizeof path, "%s/d", places[i]);
            CALL(chdir(path) == 0 && chdir("../..") == 0);
            CALL(chdir("/here"));
            snprintf(path, sizeof path, "%s/none", places[i]);
            CALL(stat(path, &s));
            snprintf(path, sizeof path, "%s/d/../f", places[i]);
            CALL(stat(path, &s));
            snprintf(path, sizeof path, "%s/f/x", places[i]);
            CALL(stat(path, &s));
            snprintf(path, sizeof path, "%s/..", places[i]);
            CALL(stat(path, &s));
            CALL(stat(places[i], &s));
            list(places[i]);
        }
        CALL(stat("to", &s));
        CALL(lstat("to", &s));
        CALL(readlink("to", target, sizeof target));
        CALL(access("to", F_OK));
        CALL(fchdir(fd));
        CALL(fstatat(fd, "f", &s, 0));
        CALL(fstatat(fd, "", &s, AT_EMPTY_PATH));
        CALL(openat(fd, "f", O_RDONLY));
        CALL(openat(fd, ".", O_RDONLY));
        CALL(faccessat(fd, "f", F_OK, 0));
    }
    NEED(chdir("hidden"));
    AS(33, 33) {
        struct stat s;
        CALL(stat("f", &s));
        CALL(stat(".", &s));
        CALL(stat("..", &s));
        CALL(open("f", O_RDONLY));
        list(".");
        char cwd[64];
        CALL(getcwd(cwd, sizeof cwd) != NULL);
        CALL(chdir("..") );
    }
}
