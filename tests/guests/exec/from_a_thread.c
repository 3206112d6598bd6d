// An exec by a thread replaces the whole process, which keeps its number.
// syscalls: execve
#include "../facts.h"

static char pid[20];

static void *replace(void *unused) {
    execl("/bin/guest", "guest", pid, NULL);
    say("%s", errno_name(errno));
    return NULL;
}

static void *wait_forever(void *unused) {
    for (;;) pause();
}

int main(int argc, char **argv) {
    if (argc > 1) {
        say("same process: %d, its first thread: %d", getpid() == atoi(argv[1]), gettid() == getpid());
        list("/proc/self/task/../fd");
        int threads = 0;
        DIR *d = opendir("/proc/self/task");
        for (struct dirent *e; (e = readdir(d));) threads += e->d_name[0] != '.';
        say("%d thread", threads);
        return 0;
    }
    sprintf(pid, "%d", getpid());
    pthread_t t;
    for (int i = 0; i < 10; i++) pthread_create(&t, NULL, wait_forever, NULL);
    pthread_create(&t, NULL, replace, NULL);
    wait_forever(NULL);
}
