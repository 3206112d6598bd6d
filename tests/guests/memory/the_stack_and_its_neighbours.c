// The main stack grows to its limit, holds the arguments, and has a stack's usual address.
// syscalls: execve
#include "../facts.h"
#include <sys/auxv.h>

static long sum(int depth) {
    volatile char frame[4096];
    frame[depth % 4096] = depth;
    return depth ? frame[depth % 4096] + sum(depth - 1) : 0;
}

int main(int argc, char **argv, char **envp) {
    char here;
    say("arguments above us: %d", (char *)argv > &here && (char *)argv[0] > (char *)argv);
    say("environment above the arguments: %d", envp == argv + argc + 1 && envp[0] > argv[0]);
    unsigned long *vector = (unsigned long *)envp;
    while (*vector++);
    say("vector after the environment: %d", vector[0] != 0 && getauxval(AT_PAGESZ) == 4096);
    say("aligned: %d", ((unsigned long)__builtin_frame_address(0) & 15) == 0);
    say("random bytes on the stack: %d", getauxval(AT_RANDOM) > (unsigned long)vector);
    say("name on the stack: %d", getauxval(AT_EXECFN) > (unsigned long)vector);
    say("1,500 pages deep: %ld", sum(1500));
    FILE *f = fopen("/proc/self/maps", "r");
    char line[4096];
    unsigned long low, high, stack = 0, top = 0;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "%lx-%lx", &low, &high) != 2) continue;
        if (strstr(line, "[stack]")) stack = low, top = high;
        if (strstr(line, "rwx")) say("writable code: %s", line);
    }
    say("we are in [stack]: %d", (unsigned long)&here >= stack && (unsigned long)&here < top);
}
