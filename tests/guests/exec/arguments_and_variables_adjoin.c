// Arguments and variables are contiguous in memory: programs that change their title write over
// both.
// link: static dynamic
// syscalls: execve
#include "../facts.h"

extern char **environ;

static void adjoin(const char *name, char **strings, char **end) {
    int gaps = 0, count = 0;
    for (; *strings; strings++, count++) {
        if (*end && *strings != *end) gaps++;
        *end = *strings + strlen(*strings) + 1;
    }
    say("%d %s, %d gaps", count, name, gaps);
}

int main(int argc, char **argv) {
    if (argc == 1) {
        char *variables[] = {"ONE=1", "", "TWO=2", "PATH=/bin", NULL};
        execve("/bin/guest", (char *[]){"guest", "with", "", "arguments", NULL}, variables);
    }
    char *end = NULL, *start = argv[0];
    adjoin("arguments", argv, &end);
    adjoin("variables", environ, &end);
    show("/proc/self/environ");
    // The title may be longer than the arguments.
    memset(start, 0, end - start);
    snprintf(start, end - start, "a longer title than before");
    show("/proc/self/cmdline");
    char comm[16] = "";
    int fd = open("/proc/self/comm", O_RDONLY);
    NEED(read(fd, comm, sizeof comm - 1));
    say("comm %s", comm);
}
