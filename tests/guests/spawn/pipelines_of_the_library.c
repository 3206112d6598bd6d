// popen and system run the guest's shell, and report a missing one.
// syscalls: clone execve
#include "../facts.h"

int main(void) {
    char line[200];
    say("system without a shell: %x", system("exit 3"));
    say("is there a shell: %d", system(NULL) != 0);
    NEED(symlink("/bin/report", "/bin/sh"));
    say("system: %x", system("a command"));
    FILE *f = popen("another command", "r");
    while (f && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        say("| %s", line);
    }
    say("pclose: %x", pclose(f));
    int ends[2];
    NEED(pipe(ends));
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
        execl("/bin/report", "report", "down a pipe", NULL);
        _exit(9);
    }
    close(ends[1]);
    reap("writer", child);
    show_fd("pipe", ends[0]);
}
