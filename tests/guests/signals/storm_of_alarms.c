// 5,000 alarms a second, whose handler calls stat while the program does nothing else.
// syscalls: newfstatat getcwd openat
#include "../facts.h"

static volatile long handled, wrong;

static void handler(int s) {
    struct stat st;
    int e = errno;
    if (stat("/data/link", &st) < 0 || st.st_size != 5) wrong++;
    if (stat("/data/missing", &st) == 0 || errno != ENOENT) wrong++;
    handled++;
    errno = e;
}

int main(void) {
    struct stat st;
    char cwd[100];
    on_signal(SIGALRM, handler, SA_RESTART);
    NEED(chdir("/bound/dir"));
    NEED(setitimer(ITIMER_REAL, &(struct itimerval){{0, 200}, {0, 200}}, NULL));
    for (long i = 0; handled < 2000; i++) {
        if (stat("/bound/nested/file", &st) < 0 || st.st_size != 7) wrong++;
        if (stat("/data/loop", &st) == 0 || errno != ELOOP) wrong++;
        if (syscall(SYS_getcwd, cwd, sizeof cwd) != 11 || strcmp(cwd, "/bound/dir")) wrong++;
        int fd = open("../file", O_RDONLY);
        if (fd < 0) wrong++;
        close(fd);
    }
    say("%ld wrong", wrong);
}
