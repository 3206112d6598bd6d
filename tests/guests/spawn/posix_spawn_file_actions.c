// posix_spawn performs its file actions and attributes in guest terms.
// link: static dynamic musl
// syscalls: clone execve
#include "../facts.h"
#include <spawn.h>

extern char **environ;

static void spawn(const char *what, const char *path, posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, bool search) {
    pid_t child;
    char *argv[] = {"report", "spawned", NULL};
    int e = search ? posix_spawnp(&child, path, actions, attributes, argv, environ) : posix_spawn(&child, path, actions, attributes, argv, environ);
    if (e) say("%s: %s", what, errno_name(e));
    else reap(what, child);
}

int main(void) {
    posix_spawn_file_actions_t a;
    posix_spawnattr_t t;
    spawn("plain", "/bin/report", NULL, NULL, false);
    spawn("missing", "/bin/missing", NULL, NULL, false);
    spawn("not executable", "/data/file", NULL, NULL, false);
    spawn("searched", "report", NULL, NULL, true);
    spawn("searched in vain", "nothing", NULL, NULL, true);
    posix_spawn_file_actions_init(&a);
    posix_spawn_file_actions_addopen(&a, 1, "/here/out", O_WRONLY | O_CREAT | O_TRUNC, 0644);
    spawn("into a file", "/bin/report", &a, NULL, false);
    show("out");
    posix_spawn_file_actions_init(&a);
    posix_spawn_file_actions_addchdir_np(&a, "/bound/dirlink");
    posix_spawn_file_actions_addopen(&a, 5, "inner", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&a, 6, "../../data/link", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&a, 5, 7);
    posix_spawn_file_actions_addclose(&a, 6);
    spawn("elsewhere", "../../bin/report", &a, NULL, false);
    posix_spawn_file_actions_addopen(&a, 8, "missing", O_RDONLY, 0);
    spawn("failing action", "/bin/report", &a, NULL, false);
    posix_spawn_file_actions_init(&a);
    int dir = open("/data", O_RDONLY | O_CLOEXEC);
    posix_spawn_file_actions_addfchdir_np(&a, dir);
    spawn("by descriptor", "../bin/report", &a, NULL, false);
    sigset_t set;
    sigfillset(&set);
    posix_spawnattr_init(&t);
    posix_spawnattr_setflags(&t, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&t, &set);
    posix_spawnattr_setsigdefault(&t, &set);
    spawn("all masked", "/bin/report", NULL, &t, false);
    char cwd[100];
    say("%s", getcwd(cwd, sizeof cwd));
    int bad = 0;
    for (int i = 0; i < 100; i++) {
        pid_t child;
        int status;
        if (posix_spawn(&child, i % 2 ? "/bin/missing" : "/here/out", NULL, NULL, (char *[]){"x", NULL}, environ) == 0) waitpid(child, &status, 0), bad++;
    }
    say("%d bad", bad);
    list("/proc/self/fd");
}
