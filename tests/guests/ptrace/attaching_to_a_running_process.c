// PTRACE_ATTACH and SEIZE stop a process during its path calls and let it continue unharmed.
// syscalls: ptrace
#include "../facts.h"
#include <sys/ptrace.h>

int main(void) {
    int ready[2];
    char c;
    NEED(pipe(ready));
    for (int seize = 0; seize < 2; seize++) {
        pid_t child = fork();
        if (child == 0) {
            struct stat s;
            NEED(write(ready[1], "r", 1));
            for (int i = 0; access("/here/stop", F_OK) < 0; i++)
                if (stat("/bound/abs", &s) < 0 || s.st_size != 5) _exit(1);
            _exit(33);
        }
        NEED(read(ready[0], &c, 1));
        int status;
        for (int i = 0; i < 20; i++) {
            NEED(ptrace(seize ? PTRACE_SEIZE : PTRACE_ATTACH, child, NULL, NULL));
            if (seize) NEED(ptrace(PTRACE_INTERRUPT, child, NULL, NULL));
            int deliver = 0;
            for (;;) {
                NEED(waitpid(child, &status, 0));
                if (!WIFSTOPPED(status)) break;
                if (WSTOPSIG(status) == (seize ? SIGTRAP : SIGSTOP)) break;
                deliver = WSTOPSIG(status);
                NEED(ptrace(PTRACE_CONT, child, NULL, deliver));
            }
            NEED(ptrace(PTRACE_DETACH, child, NULL, NULL));
        }
        put("stop", "");
        reap(seize ? "seized" : "attached", child);
        NEED(unlink("stop"));
    }
}
