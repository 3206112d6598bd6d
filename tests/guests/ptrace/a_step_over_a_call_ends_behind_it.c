// Single steps go from one guest instruction to the next, over calls as over other instructions.
// syscalls: ptrace access
#include "trace.h"

extern char begin[], middle[], end[];

static long calls(const char *path, struct timespec *time, unsigned long *set) {
    long result;
    register long r10 __asm__("r10") = (long)set;
    register long r8 __asm__("r8") = 8;
    __asm__ volatile(
        ".globl begin, middle, end\n"
        "int3\nbegin: mov $21, %%eax\n" // access
        "xor %%esi, %%esi\n"
        "syscall\n"
        "middle: xor %%edi, %%edi\n"
        "xor %%esi, %%esi\n"
        "mov $271, %%eax\n" // ppoll
        "syscall\n"
        "end: nop\nint3\n"
        : "=a"(result), "+D"(path) : "d"(time), "r"(r10), "r"(r8) : "rcx", "r11", "rsi", "memory");
    return result;
}

int main(void) {
    pid_t child = fork();
    if (child == 0) {
        struct timespec soon = {0, 1000000};
        unsigned long set = 0;
        NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        calls("/data/file", &soon, &set);
        _exit(access("/data/dir", F_OK) == 0 ? 5 : 6);
    }
    int status = next(child), steps = 0;
    say("%s at its place: %d", status_name(status), registers(child).rip == (unsigned long)begin);
    for (;; steps++) {
        NEED(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL));
        status = next(child);
        if (!WIFSTOPPED(status) || steps > 20) break;
        struct user_regs_struct r = registers(child);
        siginfo_t info;
        NEED(ptrace(PTRACE_GETSIGINFO, child, NULL, &info));
        say("step %d: %s at %ld, code %d", steps, status_name(status), (long)(r.rip - (unsigned long)begin),
            info.si_code);
        if (r.rip == (unsigned long)middle || r.rip == (unsigned long)end)
            say("  behind a call with %ld", (long)r.rax);
        if (r.rip == (unsigned long)end) break;
    }
    NEED(ptrace(PTRACE_CONT, child, NULL, NULL));
    say("%s", status_name(next(child)));
    NEED(ptrace(PTRACE_CONT, child, NULL, NULL));
    say("%s", status_name(next(child)));
}
