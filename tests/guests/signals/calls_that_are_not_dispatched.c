// Calls from the range that a program excludes from Syscall User Dispatch are made, whichever they
// are.
// syscalls: prctl
#include "dispatch.h"
#include "../filters.h"
#include <sched.h>

static char stack[65536] __attribute__((aligned(16)));
static volatile int thread_ran;

static void on_alarm(int signal) {
    (void)signal;
    selector = ALLOW;
}

// clone(2) from the range, with a separate stack for the child.
static long clone_from_range(void) {
    long *top = (long *)(stack + sizeof stack) - 16;
    long result;
    top[0] = 0;
    __asm__ volatile(
        "lea 1f(%%rip), %%rax\n mov %%rax, (%[top])\n" // where the child's `ret` goes
        "mov %[number], %%rdi\n mov %[flags], %%rsi\n mov %[top], %%rdx\n xor %%ecx, %%ecx\n xor %%r8d, %%r8d\n"
        "call own_call\n jmp 2f\n"
        "1: movl $1, thread_ran(%%rip)\n mov $60, %%rdi\n xor %%esi, %%esi\n call own_call\n hlt\n"
        "2:\n"
        : "=a"(result)
        : [number] "i"(SYS_clone), [flags] "i"(CLONE_VM | CLONE_VFORK | SIGCHLD), [top] "r"(top)
        : "rdi", "rsi", "rdx", "rcx", "r8", "r9", "r10", "r11", "memory");
    return result;
}

static void *thread(void *argument) {
    (void)argument;
    // Another range than the first thread's: an empty one.
    NEED(dispatch(ON, 0, 0, &selector));
    blocked("in the other thread", own_call, SYS_access, (long)"/data/missing", 0, 0, 0);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        say("executed: %s", argv[1]);
        return 0;
    }
    catch_dispatch(false);
    NEED(dispatch(ON, (unsigned long)own_code, own_code_end - own_code + 1, &selector));
    blocked("getpid", own_call, SYS_getpid, 0, 0, 0, 0);
    blocked("access", own_call, SYS_access, (long)"/data/file", 0, 0, 0);
    blocked("access", own_call, SYS_access, (long)"/data/missing", 0, 0, 0);
    blocked("elsewhere", other_call, SYS_access, (long)"/data/missing", 0, 0, 0);
    for (int i = 0; i < 100; i++) {
        selector = BLOCK;
        long fd = own_call(SYS_openat, AT_FDCWD, (long)"/bound/link", O_RDONLY, 0);
        long closed = own_call(SYS_close, fd, 0, 0, 0);
        selector = ALLOW;
        if (fd < 0 || closed != 0) say("%ld %ld", fd, closed);
    }
    blocked("setting a handler", own_call, SYS_rt_sigprocmask, SIG_BLOCK, 0, 0, 8);
    int pair[2];
    char byte;
    NEED(pipe(pair));
    on_signal(SIGALRM, on_alarm, 0);
    struct itimerval timer = {.it_value = {0, 50000}};
    NEED(setitimer(ITIMER_REAL, &timer, NULL));
    blocked("a read that is interrupted", own_call, SYS_read, pair[0], (long)&byte, 1, 0);
    pid_t child = blocked("fork", own_call, SYS_fork, 0, 0, 0, 0);
    if (child == 0) _exit(3);
    reap("fork", child);
    selector = BLOCK;
    long started = clone_from_range();
    selector = ALLOW;
    say("clone %d, it ran: %d", started > 0, thread_ran);
    reap("clone", started);

    pthread_t other;
    NEED(-pthread_create(&other, NULL, thread, NULL));
    pthread_join(other, NULL);
    blocked("in the first", own_call, SYS_access, (long)"/data/missing", 0, 0, 0);

    // Filters see such calls like any other.
    child = fork();
    if (child == 0) {
        NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        deny(SYS_mkdir, EDQUOT);
        deny(SYS_getppid, EXDEV);
        NEED(dispatch(ON, (unsigned long)own_code, own_code_end - own_code + 1, &selector));
        blocked("denied", own_call, SYS_mkdir, (long)"/here/x", 0755, 0, 0);
        blocked("denied", own_call, SYS_getppid, 0, 0, 0, 0);
        blocked("not denied", own_call, SYS_rmdir, (long)"/here/x", 0, 0, 0);
        blocked("dispatched", other_call, SYS_mkdir, (long)"/here/x", 0755, 0, 0);
        _exit(0);
    }
    reap("filters", child);

    // A handler that returns from the range, without letting other calls through.
    catch_dispatch(true);
    leaves_blocked = 1;
    blocked("return from the range", other_call, SYS_getppid, 0, 0, 0, 0);
    leaves_blocked = 0;

    char *arguments[] = {"guest", "from the range", NULL};
    selector = BLOCK;
    own_call(SYS_execve, (long)"/bin/guest", (long)arguments, 0, 0);
    selector = ALLOW;
    say("not executed");
}
