// Two hundred threads resolve paths at the same time, and each gets its own answers.
// syscalls: newfstatat access readlink
#include "../facts.h"

static pthread_barrier_t all;
static int wrong;

static void *work(void *number) {
    char name[40], target[40], found[40];
    long n = (long)number, bad = 0;
    struct stat st;
    snprintf(name, sizeof name, "/here/link%ld", n);
    snprintf(target, sizeof target, "../data/file%ld", n);
    pthread_barrier_wait(&all);
    for (int i = 0; i < 20; i++) {
        if (symlink(target, name) < 0) bad++;
        ssize_t length = readlink(name, found, sizeof found);
        if (length != (ssize_t)strlen(target) || memcmp(found, target, length)) bad++;
        if (stat(n % 2 ? "/bound/abs" : "/bound/link", &st) < 0 || st.st_size != (n % 2 ? 5 : 6)) bad++;
        if (stat(name, &st) == 0 || errno != ENOENT) bad++;
        if (access("/data/file/x", F_OK) == 0 || errno != ENOTDIR) bad++;
        if (unlink(name) < 0) bad++;
    }
    __sync_fetch_and_add(&wrong, bad);
    return NULL;
}

int main(void) {
    pthread_t threads[200];
    pthread_barrier_init(&all, NULL, 200);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 * 1024);
    for (long i = 0; i < 200; i++) {
        int e = pthread_create(&threads[i], &small, work, (void *)i);
        if (e) say("thread %ld: %s", i, errno_name(e));
    }
    for (int i = 0; i < 200; i++) pthread_join(threads[i], NULL);
    say("%d wrong", wrong);
    list("/here");
}
