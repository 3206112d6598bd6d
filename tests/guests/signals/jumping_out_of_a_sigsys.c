// siglongjmp out of a handler of SIGSYS during lookups: no descriptor is left behind.
// link: static musl
// syscalls: rt_sigaction newfstatat access readlink openat
#include "../facts.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile int jumps;
static timer_t timer;

static void handler(int s) { siglongjmp(back, 1); }

int main(void) {
    struct stat st;
    char text[32];
    volatile long wrong = 0;
    NEED(stat("/bound/file", &st));
    const off_t size = st.st_size;
    on_signal(SIGSYS, handler, 0);

    NEED(timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGSYS}, &timer));
    if (sigsetjmp(back, 1)) jumps++;
    if (jumps < 3000) {
        timer_settime(timer, 0, &(struct itimerspec){.it_value.tv_nsec = 50000 + jumps % 97 * 1000}, NULL);
        for (;;) {
            if (stat("/bound/file", &st) < 0 || st.st_size != size) wrong++;
            if (access("/data/dir/inner", R_OK) < 0) wrong++;
            if (readlink("/data/dirlink", text, sizeof text) != 3 || memcmp(text, "dir", 3)) wrong++;
            if (readlink("/data/dir", text, sizeof text) != -1 || errno != EINVAL) wrong++;
            if (lstat("/data/missing", &st) != -1 || errno != ENOENT) wrong++;
        }
    }
    say("%ld wrong", wrong);
    say("next descriptor %d", open("/data/file", O_RDONLY));
}
