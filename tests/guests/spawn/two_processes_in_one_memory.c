// Two processes that share memory but nothing else resolve paths at the same time.
// syscalls: clone
#include "../facts.h"
#include <sched.h>

static char stack[256 * 1024] __attribute__((aligned(64)));
static volatile int stop;
static volatile long wrong[2], rounds[2];

static void work(int who, const char *directory, int times) {
    struct stat st;
    char cwd[64];
    if (chdir(directory) < 0) wrong[who]++;
    while (times ? rounds[who] < times : !stop) {
        if (stat("inner", &st) < 0 || st.st_size != (who ? 6 : 12)) wrong[who]++;
        if (syscall(SYS_getcwd, cwd, sizeof cwd) < 0 || strcmp(cwd, who ? "/data/dir" : "/bound/dir")) wrong[who]++;
        if (access("../file", R_OK) < 0) wrong[who]++;
        if (stat("/data/missing", &st) == 0) wrong[who]++;
        rounds[who]++;
    }
}

static int child(void *unused) {
    work(1, "/data/absdir", 0);
    return 5;
}

int main(void) {
    int tid = 0;
    pid_t pid = clone(child, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL, NULL, NULL, &tid);
    NEED(pid);
    work(0, "/bound/dirlink", 3000);
    while (rounds[1] < 100) sched_yield();
    stop = 1;
    reap("child", pid);
    say("%ld and %ld wrong", wrong[0], wrong[1]);
}
