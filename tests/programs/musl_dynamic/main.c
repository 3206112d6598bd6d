#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static volatile sig_atomic_t caught;

static void on_signal(int number) { caught = number; }

static void *work(void *number) {
    char name[32], next[32];
    struct stat facts;
    snprintf(name, sizeof name, "musl%d", (int)(long)number);
    snprintf(next, sizeof next, "%s.done", name);
    FILE *file = fopen(name, "w");
    fprintf(file, "%s", name);
    fclose(file);
    return (void *)(long)(rename(name, next) == 0 && stat(next, &facts) == 0 && stat(name, &facts) < 0 && errno == ENOENT);
}

static void *sleeps(void *nothing) {
    pause();
    return nothing;
}

int main(int argc, char **argv) {
    pthread_t threads[16];
    void *result;
    long done = 0;
    for (long i = 0; i < 16; i++) {
        pthread_create(&threads[i], NULL, work, (void *)i);
    }
    for (int i = 0; i < 16; i++) {
        pthread_join(threads[i], &result);
        done += (long)result;
    }
    printf("threads: %ld\n", done);
    pthread_create(&threads[0], NULL, sleeps, NULL);
    pthread_cancel(threads[0]);
    pthread_join(threads[0], &result);
    printf("cancelled: %d\n", result == PTHREAD_CANCELED);

    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    printf("caught: %d\n", caught == SIGUSR1);
    FILE *pipe = popen("echo from a pipe in $PWD; exit 3", "r");
    char line[128];
    printf("%s", fgets(line, sizeof line, pipe));
    printf("status: %d\n", WEXITSTATUS(pclose(pipe)));
    pid_t child;
    int status;
    char *arguments[] = {"true", NULL};
    printf("spawned: %d\n", posix_spawnp(&child, "true", NULL, NULL, arguments, environ) == 0 && waitpid(child, &status, 0) == child && status == 0);
    glob_t found;
    printf("glob: %zu\n", glob("musl*.done", 0, NULL, &found) == 0 ? found.gl_pathc : 0);
    printf("root: %s\n", getpwuid(0)->pw_name);
    printf("here: %s\n", realpath(".", NULL));
    fflush(stdout);

    void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW) : NULL;
    if (!library) {
        return 4;
    }
    printf("plugin: %d\n", ((int (*)(void))dlsym(library, "plugin_answer"))());
    return 0;
}
