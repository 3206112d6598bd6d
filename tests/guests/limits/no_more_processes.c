// At the limit of processes, calls and execs still work.
// syscalls: prlimit64 clone execve
#include "../facts.h"

int main(int argc, char **argv) {
    if (argc > 1) {
        show("/bound/abs");
        CALL(fork() == -1);
        return 0;
    }
    NEED(setrlimit(RLIMIT_NPROC, &(struct rlimit){0, 0}));
    CALL(fork());
    pthread_t t;
    say("thread: %s", errno_name(pthread_create(&t, NULL, (void *(*)(void *))pause, NULL)));
    struct stat s;
    CALL(stat("/data/outwards", &s));
    CALL(system("x"));
    execl("/bin/guest", "guest", "x", NULL);
}
