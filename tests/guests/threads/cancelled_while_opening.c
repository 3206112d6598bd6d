// A thread that sleeps in open can be cancelled, and its cleanup handlers run.
// link: static dynamic musl
// syscalls: openat
#include "../facts.h"

static volatile int cleaned, started;

static void cleanup(void *number) {
    struct stat st;
    cleaned += stat("/data/link", &st) == 0;
}

static void *opens(void *unused) {
    pthread_cleanup_push(cleanup, NULL);
    started = 1;
    open("fifo", O_RDONLY);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *stats_forever(void *unused) {
    struct stat st;
    pthread_cleanup_push(cleanup, NULL);
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    started = 1;
    for (;;) stat("/data/link", &st);
    pthread_cleanup_pop(0);
}

static void cancel(const char *what, void *(*run)(void *)) {
    pthread_t t;
    void *result;
    started = 0;
    pthread_create(&t, NULL, run, NULL);
    while (!started) sched_yield();
    usleep(5000);
    int e = pthread_cancel(t);
    if (e) say("cancel: %s", errno_name(e));
    pthread_join(t, &result);
    say("%s: cancelled %d, cleaned %d", what, result == PTHREAD_CANCELED, cleaned);
}

int main(void) {
    NEED(mkfifo("fifo", 0600));
    cancel("open", opens);
    cancel("open again", opens);
    for (int i = 0; i < 20; i++) {
        pthread_t t;
        started = 0;
        pthread_create(&t, NULL, stats_forever, NULL);
        while (!started) sched_yield();
        pthread_cancel(t);
        pthread_join(t, NULL);
    }
    say("cleaned %d", cleaned);
    show_stat("/data/link");
}
