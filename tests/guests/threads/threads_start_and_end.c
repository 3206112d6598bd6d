// Two thousand short threads, one after another and in crowds, leave nothing behind.
// link: static musl
// syscalls: clone
#include "../facts.h"

static int wrong;

static void *work(void *unused) {
    struct stat st;
    if (stat("/data/link", &st) < 0) __sync_fetch_and_add(&wrong, 1);
    return NULL;
}

static void *leave(void *unused) {
    work(NULL);
    pthread_exit(NULL);
}

int main(void) {
    pthread_t t, crowd[50];
    for (int i = 0; i < 1000; i++) {
        if (pthread_create(&t, NULL, i % 2 ? work : leave, NULL)) wrong++;
        else pthread_join(t, NULL);
    }
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 50; i++) pthread_create(&crowd[i], NULL, work, NULL);
        for (int i = 0; i < 50; i++) pthread_join(crowd[i], NULL);
    }
    pthread_attr_t detached;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (int i = 0; i < 100; i++) if (pthread_create(&t, &detached, work, NULL)) wrong++;
    int threads;
    do {
        threads = 0;
        DIR *d = opendir("/proc/self/task");
        for (struct dirent *e; (e = readdir(d));) threads += e->d_name[0] != '.';
        closedir(d);
    } while (threads > 1);
    say("%d wrong", wrong);
    list("/proc/self/fd");
}
