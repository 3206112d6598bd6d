// A name may contain any byte but slash and NUL.
// syscalls: mkdir chdir rmdir symlink readlink unlink getcwd
#include "../facts.h"

int main(void) {
    static const char *const names[] = {
        "with space", "new\nline", "\xff\xfe", "\xc3\x28", "caf\xc3\xa9", "-dash", "...", "..a", ".hidden", "a\\b", "*?[", "\x01\x7f", "a:b=c,d",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[100], moved[100], link[100], target[100] = "";
        snprintf(path, sizeof path, "/here/%s", names[i]);
        snprintf(moved, sizeof moved, "/bound/%s", names[i]);
        snprintf(link, sizeof link, "%s.link", names[i]);
        say("name %zu", i);
        CALL(mkdir(path, 0755));
        CALL(chdir(path));
        char cwd[100];
        say("getcwd agrees: %d", getcwd(cwd, sizeof cwd) && !strcmp(cwd, path));
        CALL(chdir("/here"));
        CALL(rmdir(names[i]));
        put(names[i], "bytes\n");
        CALL(symlink(names[i], link));
        CALL(readlink(link, target, sizeof target));
        say("target agrees: %d", !strcmp(target, names[i]));
        CALL(access(link, R_OK));
        CALL(unlink(link));
        put(moved, "bound\n");
        CALL(access(moved, R_OK));
        CALL(unlink(moved));
    }
    list("/here");
}
