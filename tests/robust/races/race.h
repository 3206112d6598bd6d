// Shared by the programs in this directory: they run for SECONDS, the first argument, count errors
// and print the number.

#ifndef RACE_H
#define RACE_H

#include "../../guests/facts.h"
#include <sched.h>

static double ends_at;

__attribute__((unused)) static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

// Reads the time to run.
__attribute__((unused)) static void begin(char **argv) { ends_at = now() + atof(argv[1]); }

__attribute__((unused)) static bool goes_on(void) { return now() < ends_at; }

// Errors are printed a few times, and counted.
static _Atomic long wrongs;

#define WRONG(...) \
    do { \
        if (wrongs++ < 10) say(__VA_ARGS__); \
    } while (0)

// Returns the number of open descriptors.
__attribute__((unused)) static int descriptors(void) {
    int open = 0;
    for (int fd = 0; fd < 4096; fd++) open += fcntl(fd, F_GETFD) >= 0;
    return open;
}

// Whether a file holds what `put` wrote.
__attribute__((unused)) static bool holds(int fd, const char *text) {
    char found[64] = "";
    return read(fd, found, sizeof found - 1) >= 0 && !strcmp(found, text);
}

// Waits for a child, and returns its end as a shell reports it.
__attribute__((unused)) static int ended(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#endif
