// Four threads spawn and vfork at the same time, five hundred times in all.
// syscalls: clone execve vfork
#include "../facts.h"
#include <spawn.h>

extern char **environ;
static int wrong;

static void *spawner(void *number) {
    for (int i = 0; i < 125; i++) {
        pid_t child = -1;
        int status = -1;
        char *argv[] = {"guest", "x", NULL}, *missing = "/data/missing";
        if ((long)number % 2) {
            int e = posix_spawn(&child, i % 5 ? "/bin/guest" : missing, NULL, NULL, argv, environ);
            if (e != (i % 5 ? 0 : ENOENT)) __sync_fetch_and_add(&wrong, 1);
            if (e) continue;
        } else {
            child = vfork();
            if (child == 0) {
                execv(i % 5 ? "/bin/guest" : missing, argv);
                _exit(17);
            }
        }
        if (waitpid(child, &status, 0) != child || (status != 0x1500 && status != 0x1100)) __sync_fetch_and_add(&wrong, 1);
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc > 1) return access("/bound/abs", R_OK) ? 1 : 21;
    pthread_t threads[4];
    for (long i = 0; i < 4; i++) pthread_create(&threads[i], NULL, spawner, (void *)i);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    say("%d wrong", wrong);
    list("/proc/self/fd");
}
