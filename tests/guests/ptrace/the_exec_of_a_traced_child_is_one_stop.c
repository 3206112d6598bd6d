// A child that asks to be traced stops once for its exec, however it is continued, and the exec
// succeeds.
// syscalls: ptrace execve
#include "trace.h"

static const char word[] = "a word of the program";

static void follow(const char *how, int request, int options) {
    pid_t child = fork();
    if (child == 0) {
        struct stat s;
        NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        if (options >= 0) raise(SIGSTOP);
        stat("/data/link", &s);
        close(open("/data/file", O_RDONLY));
        execl("/bin/guest", "guest", "x", NULL);
        _exit(9);
    }
    say("%s", how);
    for (int status, n = 0; n < 2000; n++) {
        status = next(child);
        bool call = WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80);
        if (!call) say("  %s", status_name(status));
        if (!WIFSTOPPED(status)) break;
        if (n == 0 && options >= 0) NEED(ptrace(PTRACE_SETOPTIONS, child, NULL, options));
        if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
            unsigned long message = 0;
            NEED(ptrace(PTRACE_GETEVENTMSG, child, NULL, &message));
            siginfo_t info;
            NEED(ptrace(PTRACE_GETSIGINFO, child, NULL, &info));
            say("  message is its number: %d, code %#x", message == (unsigned long)child, info.si_code);
        }
        if (!call && WSTOPSIG(status) == SIGTRAP) {
            errno = 0;
            long peeked = ptrace(PTRACE_PEEKDATA, child, word, NULL);
            say("  the program is there: %d", errno == 0 && !memcmp(&peeked, word, 8));
        }
        NEED(ptrace(request, child, NULL, NULL));
    }
}

int main(int argc, char **argv) {
    struct stat s;
    if (argc > 1) return stat("/data/link", &s) == 0 && s.st_size == 5 ? 21 : 22;
    follow("continued", PTRACE_CONT, -1);
    follow("continued, with an option", PTRACE_CONT, PTRACE_O_EXITKILL);
    follow("continued, with events", PTRACE_CONT, PTRACE_O_TRACEEXEC);
    follow("from call to call", PTRACE_SYSCALL, PTRACE_O_TRACESYSGOOD);
    follow("from call to call, with events", PTRACE_SYSCALL, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC);
    follow("to the exit", PTRACE_CONT, PTRACE_O_TRACEEXIT | PTRACE_O_TRACEEXEC);
}
