// Three hundred threads sleep in opens of FIFOs while others continue; then all wake.
// syscalls: openat
#include "../facts.h"

static int opened, wrong;

static void *sleeper(void *number) {
    char name[40];
    snprintf(name, sizeof name, "/here/fifo%ld", (long)number % 3);
    int fd = open(name, O_RDONLY);
    if (fd < 0) __sync_fetch_and_add(&wrong, 1);
    else __sync_fetch_and_add(&opened, 1);
    return NULL;
}

int main(void) {
    pthread_t threads[300];
    pthread_attr_t small;
    struct stat st;
    NEED(mkfifo("fifo0", 0600));
    NEED(mkfifo("fifo1", 0600));
    NEED(mkfifo("fifo2", 0600));
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 32768);
    for (long i = 0; i < 300; i++) if (pthread_create(&threads[i], &small, sleeper, (void *)i)) wrong++;
    for (int i = 0; i < 2000; i++) if (stat("/bound/nested/../abs", &st) < 0) wrong++;
    pid_t child = fork();
    if (child == 0) _exit(stat("/data/link", &st) < 0);
    reap("child", child);
    for (int i = 0; i < 3; i++) {
        char name[40];
        snprintf(name, sizeof name, "fifo%d", i);
        if (open(name, O_RDWR) < 0) wrong++;
    }
    for (int i = 0; i < 300; i++) pthread_join(threads[i], NULL);
    say("%d opened, %d wrong", opened, wrong);
}
