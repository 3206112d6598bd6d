// One string of more than 128 KiB, or more strings than the stack limit allows, is E2BIG.
// syscalls: execve
#include "../facts.h"

extern char **environ;

static void run(const char *what, size_t length, int count) {
    char **argv = calloc(count + 2, sizeof *argv), *text = malloc(length + 1);
    memset(text, 'x', length);
    text[length] = 0;
    argv[0] = "guest";
    for (int i = 1; i <= count; i++) argv[i] = text;
    pid_t child = fork();
    if (child == 0) {
        execve("/bin/guest", argv, environ);
        say("%s: %s", what, errno_name(errno));
        _exit(0);
    }
    reap(what, child);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        say("%d arguments of %zu", argc - 1, strlen(argv[1]));
        return 0;
    }
    run("131071 bytes", 131071, 1);
    run("131072 bytes", 131072, 1);
    run("a million bytes", 1000000, 1);
    run("1.5 MiB", 100000, 15);
    run("4 MiB", 100000, 40);
    setrlimit(RLIMIT_STACK, &(struct rlimit){1 << 20, RLIM_INFINITY});
    run("100 KiB of a small stack", 100000, 1);
    run("400 KiB of a small stack", 100000, 4);
}
