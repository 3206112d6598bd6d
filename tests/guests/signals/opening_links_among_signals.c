// Paths with symlinks are opened while signals come: a signal at the very end of an open doesn't
// change its answer.
// syscalls: openat
#include "../facts.h"

static volatile sig_atomic_t count;

static void handler(int s) { count++; }

int main(void) {
    static const char *const paths[] = {"/data/link", "/data/dirlink/inner", "/data/file", "/data/loop"};
    int failed[4][200] = {0};
    on_signal(SIGALRM, handler, SA_RESTART);
    NEED(setitimer(ITIMER_REAL, &(struct itimerval){{0, 50}, {0, 50}}, NULL));
    for (int i = 0; i < 5000; i++) {
        for (int p = 0; p < 4; p++) {
            int fd = openat(AT_FDCWD, paths[p], O_RDONLY);
            failed[p][fd < 0 ? errno : 0]++;
            if (fd >= 0) close(fd);
        }
    }
    NEED(setitimer(ITIMER_REAL, &(struct itimerval){}, NULL));
    for (int p = 0; p < 4; p++)
        for (int e = 0; e < 200; e++)
            if (failed[p][e]) say("%s: %d times %s", paths[p], failed[p][e], errno_name(e));
    say("signals came: %s", count > 10 ? "yes" : "no");
}
