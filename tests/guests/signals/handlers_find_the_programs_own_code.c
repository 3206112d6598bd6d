// A signal may come at any moment of a program's system calls: its handler finds the instruction
// pointer in the program's own code, and calls that must not be made twice are made once.
// syscalls: openat close stat readlink mkdir rmdir rt_sigprocmask getcwd access
#include "../facts.h"
#include <sys/auxv.h>
#include <ucontext.h>

extern char __executable_start[], etext[];

// Calls as compilers write them, with the number loaded last: call sites that may be patched.
#define DEFINE(name)                                                                                             \
    __attribute__((noinline)) static long name##_call(long a, long b, long c, long d) {                         \
        long result;                                                                                             \
        register long r10 __asm__("r10") = d;                                                                    \
        __asm__ volatile("mov %1, %%eax\n syscall"                                                               \
                         : "=a"(result)                                                                          \
                         : "i"(SYS_##name), "D"(a), "S"(b), "d"(c), "r"(r10)                                     \
                         : "rcx", "r11", "memory");                                                              \
        return result;                                                                                           \
    }
DEFINE(openat) DEFINE(close) DEFINE(stat) DEFINE(lstat) DEFINE(readlink) DEFINE(mkdir) DEFINE(rmdir)
DEFINE(rt_sigprocmask) DEFINE(getcwd) DEFINE(access) DEFINE(rt_sigaction)

static volatile long signals, elsewhere;
static char *volatile example;
static char *vdso;

static void handler(int s, siginfo_t *info, void *context) {
    char *rip = (char *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    signals++;
    bool ours = (rip >= __executable_start && rip < etext) || (rip >= vdso && rip < vdso + 0x4000);
    if (!ours) {
        elsewhere++;
        example = rip;
    }
}

int main(void) {
    long wrong = 0, rounds = 0;
    struct stat st;
    char text[PATH_MAX];
    vdso = (char *)getauxval(AT_SYSINFO_EHDR);
    mkdir("/tmp/place", 0700);
    symlink("/data/file", "/tmp/place/link");
    chdir("/tmp/place");
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    NEED(sigaction(SIGALRM, &action, NULL));
    NEED(sigaction(SIGVTALRM, &action, NULL));
    // Two timers, so that one signal also interrupts the entry of the other's handler.
    struct itimerval often = {{0, 70}, {0, 70}}, other = {{0, 110}, {0, 110}};
    NEED(setitimer(ITIMER_REAL, &often, NULL));
    NEED(setitimer(ITIMER_VIRTUAL, &other, NULL));
    while (signals < 6000) {
        rounds++;
        long file = openat_call(AT_FDCWD, (long)"/data/file", O_RDONLY, 0);
        if (file != 3) wrong++;
        if (close_call(file, 0, 0, 0) != 0) wrong++;
        if (stat_call((long)"/tmp/place/link", (long)&st, 0, 0) != 0 || !S_ISREG(st.st_mode)) wrong++;
        if (lstat_call((long)"/tmp/place/link", (long)&st, 0, 0) != 0 || !S_ISLNK(st.st_mode)) wrong++;
        if (readlink_call((long)"/tmp/place/link", (long)text, sizeof text, 0) != 10) wrong++;
        if (access_call((long)"/data/file", R_OK, 0, 0) != 0) wrong++;
        if (getcwd_call((long)text, sizeof text, 0, 0) != 11) wrong++;
        // A repeated call would give EEXIST, ENOENT, or another old mask.
        if (mkdir_call((long)"new", 0700, 0, 0) != 0) wrong++;
        if (rmdir_call((long)"new", 0, 0, 0) != 0) wrong++;
        long block = 1 << (SIGUSR1 - 1), before = -1;
        if (rt_sigprocmask_call(SIG_BLOCK, (long)&block, (long)&before, 8) != 0 || before != 0) wrong++;
        if (rt_sigprocmask_call(SIG_SETMASK, (long)&before, (long)&block, 8) != 0 || block == 0) wrong++;
    }
    setitimer(ITIMER_REAL, &(struct itimerval){{0}}, NULL);
    setitimer(ITIMER_VIRTUAL, &(struct itimerval){{0}}, NULL);
    say("%s", rounds > 100 ? "many rounds" : "hardly any rounds");
    say("%ld wrong results", wrong);
    if (elsewhere) say("%ld signals found another place, such as %p", elsewhere, example);
    int next = open("/data/file", O_RDONLY);
    say("the next descriptor is %d", next);
}
