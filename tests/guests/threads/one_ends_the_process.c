// exit_group from any thread ends all threads, also those that sleep in a path call.
// syscalls: exit_group
#include "../facts.h"

static void *opens(void *unused) {
    open("fifo", O_RDONLY);
    say("never");
    return NULL;
}

static void *stats(void *unused) {
    for (struct stat st;;) stat("/data/link", &st);
}

static void *ends(void *unused) {
    usleep(10000);
    exit(7);
}

int main(void) {
    NEED(mkfifo("fifo", 0600));
    for (int how = 0; how < 2; how++) {
        pid_t child = fork();
        if (child == 0) {
            pthread_t t;
            for (int i = 0; i < 5; i++) pthread_create(&t, NULL, opens, NULL), pthread_create(&t, NULL, stats, NULL);
            pthread_create(&t, NULL, how ? stats : ends, NULL);
            if (how) {
                usleep(10000);
                kill(getpid(), SIGKILL);
            }
            pthread_exit(NULL);
        }
        reap("child", child);
    }
}
