// The library's setuid changes all threads; permission checks then use the new identity.
// user: root
// syscalls: setuid setgid
#include "identity.h"

static pthread_barrier_t barrier;

static void *thread(void *number) {
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    if (getuid() != 33 || geteuid() != 33 || getgid() != 44) say("thread %ld is another", (long)number);
    if (open("secret", O_RDONLY) >= 0 || errno != EACCES) say("thread %ld may read", (long)number);
    return NULL;
}

int main(void) {
    file_of("secret", 0, 0, 0600);
    pthread_t threads[4];
    pthread_barrier_init(&barrier, NULL, 5);
    for (long i = 0; i < 4; i++) NEED(-pthread_create(&threads[i], NULL, thread, (void *)i));
    pthread_barrier_wait(&barrier);
    CALL(setgid(44));
    CALL(setuid(33));
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    everything("all");
}
