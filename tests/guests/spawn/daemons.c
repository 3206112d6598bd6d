// A daemon that forks twice lives on after its parents and sees the same guest.
// syscalls: clone setsid execve
#include "../facts.h"
#include <sys/prctl.h>

int main(void) {
    int ends[2], go[2];
    NEED(pipe(ends));
    NEED(pipe(go));
    NEED(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid_t child = fork();
    if (child == 0) {
        NEED(setsid());
        if (fork()) _exit(0);
        NEED(chdir("/"));
        umask(0);
        for (int fd = 3; fd < 64; fd++) if (fd != ends[1] && fd != go[0]) close(fd);
        put("/here/pid", "written by the daemon\n");
        char cwd[100];
        NEED(write(ends[1], getcwd(cwd, sizeof cwd), 2));
        NEED(read(go[0], cwd, 1));
        execl("/bin/report", "report", "from the daemon", NULL);
        _exit(9);
    }
    reap("first", child);
    NEED(write(go[1], "x", 1));
    char said[3] = "";
    NEED(read(ends[0], said, 2));
    int status;
    NEED(waitpid(-1, &status, 0));
    say("daemon in %s ended with %d", said, WEXITSTATUS(status));
    show("/here/pid");
    show_stat("/here/pid");
}
