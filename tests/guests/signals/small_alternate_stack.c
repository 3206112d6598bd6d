// An alternate stack of 8 KiB is large enough for a handler's calls that translate paths.
// syscalls: sigaltstack newfstatat readlink openat
#include "../facts.h"

static char *low, *high;
static volatile int inside, wrong;

static void handler(int s) {
    char here;
    struct stat st;
    char target[64];
    inside += &here > low && &here < high;
    if (stat("/data/outwards", &st) < 0) wrong++;
    if (lstat("/data/loop", &st) < 0) wrong++;
    if (readlink("/proc/self/exe", target, sizeof target) != 10) wrong++;
    if (open("/data/locked/x", O_RDONLY) >= 0 || errno != EACCES) wrong++;
    if (mkdir("/here/d", 0755) < 0 || rmdir("/bound/../here/d") < 0) wrong++;
}

int main(void) {
    // Nothing may touch the page below the stack.
    low = mmap(NULL, 4096 + 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(mprotect(low, 4096, PROT_NONE));
    low += 4096;
    high = low + 8192;
    CALL(sigaltstack(&(stack_t){.ss_sp = low, .ss_size = 8192}, NULL));
    on_signal(SIGUSR1, handler, SA_ONSTACK);
    on_signal(SIGALRM, handler, SA_ONSTACK | SA_RESTART);
    for (int i = 0; i < 10; i++) raise(SIGUSR1);
    say("%d inside, %d wrong", inside, wrong);
    NEED(setitimer(ITIMER_REAL, &(struct itimerval){{0, 500}, {0, 500}}, NULL));
    struct stat st;
    while (inside < 300) if (stat("/data/link", &st) < 0) wrong++;
    NEED(setitimer(ITIMER_REAL, &(struct itimerval){}, NULL));
    say("%d wrong", wrong);
}
