// flock, connect, accept, pause and the wait calls end with EINTR.
// syscalls: flock connect accept pause poll recvfrom clock_nanosleep
#include "../facts.h"
#include <poll.h>
#include <sys/file.h>

static volatile int seen;
static void handler(int s) { seen++; }
static void soon(void) { setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 20000}, NULL); }

int main(void) {
    on_signal(SIGALRM, handler, 0);
    int a = open("/data/file", O_RDWR), b = open("/data/link", O_RDWR);
    NEED(flock(a, LOCK_EX));
    soon();
    CALL(flock(b, LOCK_EX));
    struct sockaddr_un name = {AF_UNIX, "/here/socket"};
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    NEED(bind(server, (void *)&name, sizeof name));
    NEED(listen(server, 0));
    int first = socket(AF_UNIX, SOCK_STREAM, 0), second = socket(AF_UNIX, SOCK_STREAM, 0);
    CALL(connect(first, (void *)&name, sizeof name));
    soon();
    CALL(connect(second, (void *)&name, sizeof name));
    NEED(accept(server, NULL, NULL));
    soon();
    CALL(accept(server, (void *)&name, &(socklen_t){sizeof name}));
    soon();
    CALL(pause());
    soon();
    CALL(poll(NULL, 0, -1));
    soon();
    CALL(recvfrom(first, (char[9]){0}, 9, 0, (void *)&name, &(socklen_t){sizeof name}));
    soon();
    CALL(nanosleep(&(struct timespec){100, 0}, NULL));
    say("seen %d", seen);
    on_signal(SIGALRM, handler, SA_RESTART);
    soon();
    CALL(poll(NULL, 0, -1));
    say("seen %d", seen);
}
