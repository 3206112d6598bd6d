// A guest debugger sees its child's exec, its memory and its end.
// syscalls: ptrace execve wait4
#include "../facts.h"
#include <sys/ptrace.h>
#include <sys/user.h>

static const char word[] = "tracer!";

int main(int argc, char **argv) {
    if (argc > 1) {
        struct stat s;
        raise(SIGUSR1);
        return stat("/data/link", &s) == 0 && s.st_size == 5 ? 21 : 22;
    }
    pid_t child = fork();
    if (child == 0) {
        NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        signal(SIGUSR1, SIG_IGN);
        execl("/bin/guest", "guest", "x", NULL);
        _exit(9);
    }
    int status, stops[65] = {0};
    bool first = true;
    for (;;) {
        NEED(waitpid(child, &status, 0));
        if (!WIFSTOPPED(status)) break;
        int s = WSTOPSIG(status);
        if (s == SIGSYS) stops[SIGSYS] = 0;
        else stops[s]++;
        if (first) {
            errno = 0;
            long peeked = ptrace(PTRACE_PEEKDATA, child, word, NULL);
            say("peeked %d", errno == 0 && !memcmp(&peeked, word, 7));
            struct user_regs_struct regs;
            CALL(ptrace(PTRACE_GETREGS, child, NULL, &regs));
            first = false;
        }
        NEED(ptrace(PTRACE_CONT, child, NULL, s == SIGTRAP ? 0 : s));
    }
    say("stopped by TRAP %d times, by USR1 %d times", stops[SIGTRAP], stops[SIGUSR1]);
    say("exited with %d", WEXITSTATUS(status));
    CALL(ptrace(PTRACE_ATTACH, getpid(), NULL, NULL));
    CALL(ptrace(PTRACE_CONT, 1 << 22, NULL, NULL));
}
