// A stack limit of 256 KiB is enough for all of newroot's work, before and after an exec.
// syscalls: prlimit64 execve
#include "../facts.h"

static long deep(int n) {
    volatile char frame[1024];
    struct stat s;
    frame[0] = n;
    if (n == 0) return stat("/data/outwards", &s);
    return deep(n - 1) + frame[0] * 0;
}

int main(int argc, char **argv) {
    if (argc == 1) {
        NEED(setrlimit(RLIMIT_STACK, &(struct rlimit){256 * 1024, 256 * 1024}));
        execl("/bin/guest", "guest", "x", NULL);
    }
    struct rlimit r;
    NEED(getrlimit(RLIMIT_STACK, &r));
    say("limit %ld", (long)r.rlim_cur);
    CALL(deep(150));
    show("/bound/nested/../abs");
    put("script", "#!/bin/report from a script\n");
    NEED(chmod("script", 0755));
    pid_t child = fork();
    if (child == 0) {
        execl("./script", "script", "x", NULL);
        _exit(9);
    }
    reap("script", child);
    child = fork();
    if (child == 0) deep(100000);
    reap("overflow", child);
}
