// The kernel reads 256 bytes of a script: a truncated interpreter is an error.
// syscalls: execve
#include "../facts.h"

static void script(const char *name, const char *line) {
    put(name, line);
    NEED(chmod(name, 0755));
    pid_t child = fork();
    if (child == 0) {
        execv(name, (char *[]){"argv0", NULL});
        say("%s: %s", name, errno_name(errno));
        _exit(0);
    }
    reap(name, child);
}

static void sized(size_t total, const char *newline) {
    char line[600], name[40];
    memset(line, 'x', sizeof line);
    memcpy(line, "#!/bin/report ", 14);
    strcpy(line + total, newline);
    snprintf(name, sizeof name, "argument-%zu%s", total, *newline ? "" : "-bare");
    script(name, line);
    memset(line, '/', total);
    memcpy(line, "#!", 2);
    memcpy(line + total - 10, "bin/report", 10);
    strcpy(line + total, newline);
    snprintf(name, sizeof name, "interpreter-%zu%s", total, *newline ? "" : "-bare");
    script(name, line);
}

int main(void) {
    sized(126, "\n");
    sized(127, "\n");
    sized(128, "\n");
    sized(254, "\n");
    sized(255, "\n");
    sized(256, "\n");
    sized(257, "\n");
    sized(254, "");
    sized(255, "");
    sized(256, "");
    sized(400, "\n");
}
