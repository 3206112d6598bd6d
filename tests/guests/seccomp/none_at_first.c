// A program that installed no filter finds none, and may still gain privileges.
// syscalls: prctl
#include "../facts.h"
#include <sys/prctl.h>

static void field(const char *name) {
    char line[200];
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, name, strlen(name))) say("%s", line);
    }
    fclose(f);
}

int main(void) {
    CALL(prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
    CALL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    field("NoNewPrivs");
    field("Seccomp:");
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CALL(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    CALL(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    CALL(prctl(PR_GET_PDEATHSIG, (int[1]){0}, 0, 0, 0));
}
