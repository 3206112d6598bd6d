// A hundred execs one after another leak neither descriptors nor stack.
// syscalls: execve
#include "../facts.h"

int main(int argc, char **argv) {
    int left = argc > 1 ? atoi(argv[1]) : 100;
    if (left > 0) {
        char next[10];
        sprintf(next, "%d", left - 1);
        execl("/bin/guest", "guest", next, argc > 2 ? argv[2] : "tail", NULL);
        return 9;
    }
    say("%d arguments, last '%s'", argc, argv[argc - 1]);
    list("/proc/self/fd");
    int fd = dup(0);
    say("next descriptor %d", fd);
}
