// A process full of threads that all resolve paths forks again and again.
// syscalls: clone execve
#include "../facts.h"

static volatile int stop;
static int wrong;

static void *work(void *unused) {
    struct stat st;
    while (!stop) {
        if (stat("/bound/abs", &st) < 0) __sync_fetch_and_add(&wrong, 1);
        if (access("/data/missing", F_OK) == 0) __sync_fetch_and_add(&wrong, 1);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) pthread_create(&threads[i], NULL, work, NULL);
    int failures = 0;
    for (int i = 0; i < 100; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct stat st;
            if (stat("/data/link", &st) < 0) _exit(1);
            if (i % 10 == 0) execl("/bin/report", "report", NULL);
            _exit(open("/bound/nested/file", O_RDONLY) < 0 ? 2 : 0);
        }
        int status;
        waitpid(child, &status, 0);
        failures += status != 0;
    }
    stop = 1;
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    say("%d failures, %d wrong", failures, wrong);
}
