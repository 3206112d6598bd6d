// A stopped child reports its stop and continues, and so does its interrupted open.
// syscalls: wait4 kill openat
#include "../facts.h"

static void status(const char *when, pid_t child, int flags) {
    int s;
    NEED(waitpid(child, &s, flags));
    if (WIFSTOPPED(s)) say("%s: stopped by %d", when, WSTOPSIG(s));
    else if (WIFCONTINUED(s)) say("%s: continued", when);
    else if (WIFEXITED(s)) say("%s: exited with %d", when, WEXITSTATUS(s));
    else say("%s: killed by %d", when, WTERMSIG(s));
}

int main(void) {
    NEED(mkfifo("fifo", 0600));
    pid_t child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        int fd = open("fifo", O_RDONLY);
        char c;
        _exit(fd >= 0 && read(fd, &c, 1) == 1 ? 7 : 8);
    }
    status("at once", child, WUNTRACED);
    NEED(kill(child, SIGCONT));
    status("then", child, WCONTINUED);
    int fd = open("fifo", O_RDWR);
    NEED(kill(child, SIGSTOP));
    status("again", child, WUNTRACED);
    NEED(kill(child, SIGCONT));
    status("then", child, WCONTINUED);
    NEED(write(fd, "x", 1));
    status("at last", child, 0);
    child = fork();
    if (child == 0) for (struct stat st;;) stat("/data/link", &st);
    NEED(kill(child, SIGTERM));
    status("terminated", child, 0);
}
