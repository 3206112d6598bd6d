// Threads make calls at the same time while no more memory is available, and then while it is.
// syscalls: prlimit64 clone newfstatat
#include "../facts.h"

enum { THREADS = 8, CALLS = 3000 };

static pthread_barrier_t barrier;
static int wrong;

static void *work(void *argument) {
    (void)argument;
    struct stat s;
    for (int round = 0; round < 3; round++) {
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < CALLS; i++) {
            if (stat("/data/outwards", &s) < 0) __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
            if (stat("/data/missing", &s) == 0) __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
        }
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static void round_of(const char *name) {
    pthread_barrier_wait(&barrier);
    // A child that is forked meanwhile makes calls as well.
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        struct stat s;
        if (child == 0) _exit(stat("/data/outwards", &s) != 0);
        int status;
        if (waitpid(child, &status, 0) != child || status) wrong++;
    }
    pthread_barrier_wait(&barrier);
    say("%s: %d wrong", name, wrong);
}

int main(void) {
    pthread_t threads[THREADS];
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    for (int i = 0; i < THREADS; i++) NEED(-pthread_create(&threads[i], &attributes, work, NULL));
    struct rlimit old;
    NEED(getrlimit(RLIMIT_DATA, &old));
    NEED(setrlimit(RLIMIT_DATA, &(struct rlimit){4096, old.rlim_max}));
    round_of("no memory");
    NEED(setrlimit(RLIMIT_DATA, &old));
    round_of("memory");
    round_of("the same again");
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}
