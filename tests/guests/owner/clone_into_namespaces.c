// clone(2) gives the child namespaces, on any stack: no other process sees the child's mounts.
// syscalls: clone mount sethostname
#include "../facts.h"
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

static char stack[256 * 1024] __attribute__((aligned(64)));
static volatile int shared;

static int child(void *what) {
    shared++;
    if (what != stack) return 90;
    if (mount("none", "place", "tmpfs", 0, NULL)) return errno;
    if (access("place/inner", F_OK) == 0) return 91;
    // A process keeps its namespace across a fork.
    pid_t pid = fork();
    if (pid == 0) _exit(access("place/inner", F_OK) ? 7 : 8);
    int status;
    return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 92;
}

static void outcome(const char *what, pid_t pid) {
    int status = 0;
    if (pid < 0) {
        say("%s: %s", what, errno_name(errno));
        return;
    }
    if (waitpid(pid, &status, __WALL) != pid) say("wait: %s", errno_name(errno));
    say("%s: status %x, we see %s", what, status, access("place/inner", F_OK) ? "what it mounted" : "what we had");
}

static void on_stack(const char *what, int flags) {
    pid_t tid = 0;
    shared = 0;
    outcome(what, clone(child, stack + sizeof stack - 24, flags, stack, &tid, NULL, &tid));
    say("shared %d", shared);
}

// The caller and the child keep the registers that a system call preserves.
static void keeps_registers(void) {
    register long a1 asm("rdi") = CLONE_NEWNS | SIGCHLD;
    register long a2 asm("rsi") = 0;
    register long a3 asm("rdx") = 0;
    register long a4 asm("r10") = 0;
    register long a5 asm("r8") = 5;
    register long a6 asm("r9") = 6;
    register long r12 asm("r12") = 12;
    long result = SYS_clone;
    asm volatile("syscall"
                 : "+a"(result), "+r"(a1), "+r"(a2), "+r"(a3), "+r"(a4), "+r"(a5), "+r"(a6), "+r"(r12)
                 :
                 : "rcx", "r11", "memory");
    bool kept = a1 == (CLONE_NEWNS | SIGCHLD) && !a2 && !a3 && !a4 && a5 == 5 && a6 == 6 && r12 == 12;
    if (result == 0) _exit(kept ? 3 : 4);
    say("kept %d", kept);
    errno = result < 0 ? -result : 0;
    outcome("registers", result < 0 ? -1 : result);
}

// Like a vfork child, this child runs on its parent's stack, and must not change it.
static void on_the_parents_stack(void) {
    static char *const words[] = {"/bin/report", "executed", NULL};
    register long result asm("rax") = SYS_clone;
    register long none asm("r10") = 0;
    asm volatile("syscall\n\t"
                 "test %%rax, %%rax\n\t"
                 "jnz 1f\n\t"
                 "mov %[execve], %%eax\n\t"
                 "lea %[path], %%rdi\n\t"
                 "lea %[words], %%rsi\n\t"
                 "xor %%edx, %%edx\n\t"
                 "syscall\n\t"
                 "mov %[exit], %%eax\n\t"
                 "mov $9, %%edi\n\t"
                 "syscall\n"
                 "1:"
                 : "+a"(result)
                 : "D"(CLONE_NEWNS | CLONE_VM | CLONE_VFORK | SIGCHLD), "S"(0), "d"(0), "r"(none),
                   [execve] "i"(SYS_execve), [exit] "i"(SYS_exit_group), [path] "m"(*"/bin/report"), [words] "m"(words)
                 : "rcx", "r11", "memory");
    fflush(stdout);
    errno = result < 0 ? -result : 0;
    outcome("the parent's stack", result < 0 ? -1 : result);
}

static volatile int signals;
static void count(int signal) {
    (void)signal;
    signals++;
}

// A handler may run anywhere between the call and the child's first action.
static void interrupted(void) {
    on_signal(SIGALRM, count, 0);
    struct itimerval often = {{0, 300}, {0, 300}};
    int right = 0;
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 200; i++) {
        pid_t pid = syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, NULL, NULL, 0);
        if (pid == 0) {
            setitimer(ITIMER_REAL, &often, NULL);
            if (mount("none", "place", "tmpfs", 0, NULL)) _exit(1);
            _exit(access("place/inner", F_OK) ? 0 : 2);
        }
        int status = 1;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
        right += status == 0;
    }
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    say("interrupted: %d right, signals %d", right, signals > 0);
    say("we see %s", access("place/inner", F_OK) ? "what they mounted" : "what we had");
}

// The other namespaces that a child can get.
static void with_others(void) {
    struct utsname before, after;
    uname(&before);
    pid_t pid = syscall(SYS_clone, CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWCGROUP | SIGCHLD, 0, NULL, NULL, 0);
    if (pid == 0) {
        struct utsname own;
        uname(&own);
        if (strcmp(own.nodename, before.nodename)) _exit(1);
        if (sethostname("inner", 5)) _exit(2);
        uname(&own);
        if (strcmp(own.nodename, "inner")) _exit(3);
        _exit(access("place/inner", F_OK) ? 4 : 5);
    }
    outcome("others", pid);
    uname(&after);
    say("host name %s", strcmp(before.nodename, after.nodename) ? "changed" : "as it was");
}

int main(void) {
    NEED(mkdir("place", 0755));
    put("place/inner", "inner");
    pid_t pid = syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, NULL, NULL, 0);
    if (pid == 0) _exit(child(stack));
    outcome("like fork", pid);
    pid = syscall(SYS_clone, CLONE_NEWNS | CLONE_VFORK | SIGCHLD, 0, NULL, NULL, 0);
    if (pid == 0) _exit(child(stack));
    outcome("like fork, and waits", pid);
    on_stack("a stack", CLONE_NEWNS | SIGCHLD);
    on_stack("a stack and memory", CLONE_NEWNS | CLONE_VM | SIGCHLD);
    on_stack("a stack, memory and waits", CLONE_NEWNS | CLONE_VM | CLONE_VFORK | SIGCHLD);
    on_stack("descriptors and handlers", CLONE_NEWNS | CLONE_VM | CLONE_FILES | CLONE_SIGHAND | SIGCHLD);
    on_stack("with FS", CLONE_NEWNS | CLONE_FS | SIGCHLD);
    with_others();
    keeps_registers();
    fflush(stdout);
    on_the_parents_stack();
    interrupted();
    NEED(prctl(PR_CAPBSET_DROP, 21));
    NEED(setresuid(33, 33, 33));
    pid = syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, 0, NULL, NULL, 0);
    if (pid == 0) _exit(9);
    outcome("as somebody else", pid);
}
