// An interpreter may itself be a script, four levels deep and no deeper.
// syscalls: execve
#include "../facts.h"

int main(void) {
    put("s0", "#!/bin/report base\n");
    NEED(chmod("s0", 0755));
    for (int i = 1; i <= 7; i++) {
        char name[10], line[60];
        snprintf(name, sizeof name, "s%d", i);
        snprintf(line, sizeof line, i % 2 ? "#!/here/s%d from %d\n" : "#!/here/s%d\n", i - 1, i);
        put(name, line);
        NEED(chmod(name, 0755));
    }
    for (int i = 0; i <= 7; i++) {
        char name[10];
        snprintf(name, sizeof name, "s%d", i);
        pid_t child = fork();
        if (child == 0) {
            execv(name, (char *[]){"ignored", "argument", NULL});
            say("%s: %s", name, errno_name(errno));
            _exit(0);
        }
        reap(name, child);
    }
}
