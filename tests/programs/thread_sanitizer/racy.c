#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int locked, counter;

static void *count(void *nothing) {
    for (int i = 0; i < 500; i++) {
        if (locked) {
            pthread_mutex_lock(&lock);
        }
        counter++;
        if (locked) {
            pthread_mutex_unlock(&lock);
        }
        close(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    }
    return nothing;
}

int main(int argc, char **argv) {
    pthread_t threads[4];
    (void)argv;
    locked = argc > 1;
    for (int i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, count, NULL);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    if (locked) {
        printf("%d\n", counter);
    }
    return 0;
}
