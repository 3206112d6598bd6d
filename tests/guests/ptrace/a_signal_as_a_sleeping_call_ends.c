// A signal that comes when a sleeping call has its result is reported after the end of that call.
// The tracer's stops stay in order, whether it traces system calls or not, and whether the signal
// is handled or ignored.
// syscalls: ptrace recvfrom rt_sigreturn
#include "trace.h"
#include <sched.h>

enum { ROUNDS = 40 };

static void handler(int s) { (void)s; }

// Whether a signal is pending for a process: the kernel would merge it with the next one.
static bool is_pending(pid_t process, int signal) {
    char path[64], text[4096] = "";
    snprintf(path, sizeof path, "/proc/%d/status", process);
    int file = open(path, O_RDONLY);
    if (file < 0) return false;
    ssize_t len = read(file, text, sizeof text - 1);
    close(file);
    if (len <= 0) return false;
    const char *const lines[] = {"\nSigPnd:", "\nShdPnd:"};
    for (int i = 0; i < 2; i++) {
        char *line = strstr(text, lines[i]);
        if (line && strtoull(line + strlen(lines[i]), NULL, 16) & 1ULL << (signal - 1)) return true;
    }
    return false;
}

// Receives datagrams; each comes with a signal, from a process on the receiver's own processor.
static void tracee(int receiver, int sender, bool ignored) {
    struct sockaddr_un from;
    char byte;
    signal(SIGUSR1, ignored ? SIG_IGN : handler);
    pid_t me = getpid(), other = fork();
    if (other == 0) {
        // The datagram is written first, so the receiver runs when both are there.
        for (int i = 0; i < ROUNDS; i++) {
            int signal = ignored && i % 2 ? SIGCHLD : SIGUSR1;
            do usleep(2000);
            while (is_pending(me, signal));
            if (write(sender, "x", 1) != 1) _exit(1);
            kill(me, signal);
        }
        usleep(20000);
        _exit(0);
    }
    int got = 0;
    while (got < ROUNDS) {
        socklen_t len = sizeof from;
        long n = syscall(SYS_recvfrom, receiver, &byte, 1, 0, &from, &len);
        if (n == 1) got++;
        else if (errno != EINTR) _exit(2);
    }
    while (waitpid(other, NULL, 0) < 0 && errno == EINTR) {}
    _exit(got == ROUNDS ? 7 : 3);
}

static void follow(int request, bool ignored) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    int ends[2];
    NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
    pid_t child = fork();
    if (child == 0) {
        sched_setaffinity(0, sizeof one, &one);
        NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        raise(SIGSTOP);
        tracee(ends[0], ends[1], ignored);
    }
    next(child);
    NEED(ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD));
    long begun = -1, calls = 0, received = 0, signals = 0, strange = 0;
    int status, deliver = 0;
    for (;;) {
        NEED(ptrace(request, child, NULL, deliver));
        deliver = 0;
        status = next(child);
        if (!WIFSTOPPED(status)) break;
        struct user_regs_struct r = registers(child);
        if (r.rip >= 0x6f000000 && r.rip < 0x71000000) strange++;
        if (status >> 8 == (SIGTRAP | 0x80)) {
            if (begun < 0) {
                begun = r.orig_rax;
                if (begun > 500) strange++;
            } else {
                if ((long)r.orig_rax != begun && begun != SYS_rt_sigreturn) strange++;
                if (begun == SYS_recvfrom && r.rax == 1) received++;
                calls++;
                begun = -1;
            }
        } else {
            deliver = WSTOPSIG(status);
            if (deliver == SIGUSR1) signals++;
            else if (deliver != SIGCHLD) strange++;
            if (begun >= 0) strange++;
        }
    }
    say("%s, %s: %s; %ld received; %s; %s; %ld strange", request == PTRACE_SYSCALL ? "calls" : "signals alone",
        ignored ? "ignored" : "handled", status_name(status), received, calls > ROUNDS ? "many calls" : "no calls",
        signals >= ROUNDS / 2 - 1 ? "all signals" : "signals lost", strange);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    follow(PTRACE_SYSCALL, false);
    follow(PTRACE_SYSCALL, true);
    follow(PTRACE_CONT, false);
    follow(PTRACE_CONT, true);
}
