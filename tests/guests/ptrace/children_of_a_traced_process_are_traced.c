// Forks, vforks and threads are reported; each new thread stops first and then runs like the
// others.
// syscalls: ptrace clone vfork execve
#include "trace.h"

static void *thread(void *unused) {
    close(open("/data/file", O_RDONLY));
    return unused;
}

static int traced(void) {
    int status;
    pid_t child = fork();
    if (child == 0) _exit(access("/data/link", F_OK) == 0 ? 1 : 2);
    NEED(waitpid(child, &status, 0));
    say("fork's child: %d", WEXITSTATUS(status));
    child = vfork();
    if (child == 0) {
        execl("/bin/report", "report", "of a vfork's child", NULL);
        _exit(2);
    }
    NEED(waitpid(child, &status, 0));
    say("vfork's child: %d", WEXITSTATUS(status));
    pthread_t other;
    if (pthread_create(&other, NULL, thread, NULL)) return 9;
    pthread_join(other, NULL);
    return 11;
}

int main(int argc, char **argv) {
    if (argc > 1) return traced();
    pid_t first = fork();
    if (first == 0) {
        NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        raise(SIGSTOP);
        execl("/bin/guest", "guest", "x", NULL);
        _exit(9);
    }
    int options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
        PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT;
    next(first);
    NEED(ptrace(PTRACE_SETOPTIONS, first, NULL, options));
    NEED(ptrace(PTRACE_SYSCALL, first, NULL, NULL));
    int events[8] = {0}, firsts = 0, others = 0, ends = 0, status;
    for (;;) {
        pid_t one = waitpid(-1, &status, __WALL);
        if (one < 0) break;
        if (!WIFSTOPPED(status)) {
            ends++;
            if (one == first) say("the first ends: %s", status_name(status));
            continue;
        }
        int signal = WSTOPSIG(status), event = status >> 16, deliver = 0;
        if (event) events[event & 7]++;
        else if (signal == SIGSTOP) firsts++;
        else if (signal == SIGCHLD) deliver = signal;
        else if (signal != (SIGTRAP | 0x80)) others++;
        NEED(ptrace(PTRACE_SYSCALL, one, NULL, deliver));
    }
    say("forks %d, vforks %d, threads %d, execs %d, vforks done %d, exits %d", events[1], events[2], events[3],
        events[4], events[5], events[6]);
    say("first stops %d, ends %d, others %d", firsts, ends, others);
}
