// execvp tries every directory of PATH and remembers that one was refused.
// syscalls: execve
#include "../facts.h"

static void run(const char *path, const char *name) {
    pid_t child = fork();
    if (child == 0) {
        if (path) setenv("PATH", path, 1);
        else unsetenv("PATH");
        execlp(name, name, "x", NULL);
        say("PATH=%s %s: %s", path ? path : "unset", name, errno_name(errno));
        _exit(0);
    }
    reap(name, child);
}

int main(void) {
    run("/bin", "report");
    run("/nowhere:/data/file:/bin", "report");
    run("/data/locked:/bin", "report");
    run("/data/locked", "report");
    run("/nowhere", "report");
    run("/data", "file");
    run("/data:/bin", "missing");
    run("", "report");
    run(NULL, "report");
    run("bin:../bin", "report");
    run("/bound:/made/by/binding:/bin", "report");
    NEED(chdir("/bin"));
    run("", "report");
    run(":/nowhere", "report");
    run("/nowhere", "./report");
    put("/here/report", "#!/bin/report wrapped\n");
    NEED(chmod("/here/report", 0755));
    run("/here:/bin", "report");
    run("/data/tobound:/here", "report");
}
