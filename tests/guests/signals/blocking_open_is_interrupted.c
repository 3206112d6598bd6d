// Opening a FIFO sleeps: without SA_RESTART a signal ends it, with SA_RESTART the open continues.
// syscalls: openat
#include "../facts.h"

static volatile int seen;
static int handled[2];

static void handler(int s) {
    seen++;
    if (write(handled[1], "x", 1) != 1) _exit(9);
}

static void alarm_soon(void) { setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_usec = 30000}, NULL); }

int main(void) {
    NEED(mkfifo("fifo", 0600));
    NEED(pipe(handled));
    on_signal(SIGALRM, handler, 0);
    alarm_soon();
    CALL(open("fifo", O_RDONLY));
    say("seen %d", seen);
    alarm_soon();
    CALL(open("fifo", O_WRONLY));
    say("seen %d", seen);
    alarm_soon();
    CALL(openat(AT_FDCWD, "/here/fifo", O_RDONLY | O_CREAT, 0644));
    NEED(symlink("fifo", "link"));
    alarm_soon();
    CALL(open("link", O_RDONLY));
    say("seen %d", seen);
    char drop[8];
    NEED(read(handled[0], drop, sizeof drop));

    on_signal(SIGALRM, handler, SA_RESTART);
    pid_t child = fork();
    if (child == 0) {
        // The other end is opened only after the handler has run.
        NEED(read(handled[0], drop, 1));
        int fd = open("/here/fifo", O_WRONLY);
        NEED(write(fd, "through\n", 8));
        _exit(0);
    }
    alarm_soon();
    int fd = CALL(open("fifo", O_RDONLY));
    say("seen %d", seen);
    show_fd("fifo", fd);
    reap("child", child);
}
