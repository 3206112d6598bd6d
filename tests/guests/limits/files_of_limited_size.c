// RLIMIT_FSIZE sends SIGXFSZ, and a truncate beyond it fails.
// syscalls: truncate write prlimit64
#include "../facts.h"

static volatile int seen;
static void handler(int s) { seen = s; }

int main(void) {
    put("f", "0123456789");
    on_signal(SIGXFSZ, handler, 0);
    NEED(setrlimit(RLIMIT_FSIZE, &(struct rlimit){1 << 20, RLIM_INFINITY}));
    CALL(truncate("f", 1 << 20));
    CALL(truncate("f", (1 << 20) + 1));
    say("seen %d", seen);
    int fd = open("/here/f", O_WRONLY | O_APPEND);
    CALL(write(fd, "x", 1));
    NEED(setrlimit(RLIMIT_FSIZE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}));
    show_stat("f");
    struct rlimit r;
    CALL(prlimit(0, RLIMIT_NPROC, NULL, &r));
    CALL(setrlimit(RLIMIT_NOFILE, &(struct rlimit){5, 4}));
    CALL(getrlimit(99, &r));
}
