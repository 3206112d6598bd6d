// Shared by the programs that trace a child.
#ifndef TRACE_H
#define TRACE_H

#include "../facts.h"
#include <sys/ptrace.h>
#include <sys/user.h>

// Waits for a child's next stop or end, and returns its status.
__attribute__((unused)) static int next(pid_t child) {
    int status;
    NEED(waitpid(child, &status, __WALL));
    return status;
}

// Names a status.
__attribute__((unused)) static const char *status_name(int status) {
    static char text[64];
    if (WIFEXITED(status)) snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
    else if (WIFSIGNALED(status)) snprintf(text, sizeof text, "death by %d", WTERMSIG(status));
    else snprintf(text, sizeof text, "stop %#x", status >> 8);
    return text;
}

__attribute__((unused)) static struct user_regs_struct registers(pid_t child) {
    struct user_regs_struct r;
    NEED(ptrace(PTRACE_GETREGS, child, NULL, &r));
    return r;
}

// Whether the two bytes before an address are a `syscall` instruction.
__attribute__((unused)) static bool behind_syscall(pid_t child, unsigned long at) {
    errno = 0;
    long word = ptrace(PTRACE_PEEKTEXT, child, at - 2, NULL);
    return errno == 0 && (word & 0xffff) == 0x050f;
}

// Prints a string in the child's memory.
__attribute__((unused)) static void say_string(pid_t child, const char *what, unsigned long at) {
    long words[4] = {0};
    for (int i = 0; i < 3; i++) {
        errno = 0;
        words[i] = ptrace(PTRACE_PEEKDATA, child, at + 8 * i, NULL);
        if (memchr(&words[i], 0, 8)) break;
    }
    say("%s \"%s\"", what, (char *)words);
}

#endif
