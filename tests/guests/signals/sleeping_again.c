// The rest of an interrupted sleep is reported, and timeouts of poll don't restart.
// syscalls: clock_nanosleep poll ppoll
#include "../facts.h"
#include <poll.h>

static volatile int seen;
static void handler(int s) {
    struct stat st;
    stat("/data/link", &st);
    seen++;
}

static void soon(void) { setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 20000}, NULL); }

int main(void) {
    on_signal(SIGALRM, handler, SA_RESTART);
    struct timespec left = {0};
    soon();
    CALL(nanosleep(&(struct timespec){50, 0}, &left));
    say("left: %d", left.tv_sec == 49);
    soon();
    CALL(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){50, 0}, &left));
    say("left: %d", left.tv_sec == 49);
    int ends[2];
    NEED(pipe(ends));
    soon();
    CALL(poll(&(struct pollfd){ends[0], POLLIN}, 1, 50000));
    pid_t child = fork();
    if (child == 0) {
        usleep(60000);
        NEED(write(ends[1], "x", 1));
        _exit(0);
    }
    soon();
    char c;
    CALL(read(ends[0], &c, 1));
    soon();
    int status;
    CALL(waitpid(child, &status, 0) == child);
    struct timespec ten = {0, 10000000};
    CALL(ppoll(NULL, 0, &ten, NULL));
    say("seen at least three: %d", seen >= 3);
}
