// SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGTRAP arrive with their addresses, and a handler can repair
// the cause.
// syscalls: rt_sigaction
#include "../facts.h"
#include <ucontext.h>

static char *page;
static volatile int count;

static void handler(int s, siginfo_t *info, void *c) {
    ucontext_t *u = c;
    struct stat st;
    count += stat("/data/file", &st) == 0;
    switch (s) {
    case SIGSEGV:
        if (info->si_addr != page + 5) _exit(90);
        mprotect(page, 4096, PROT_READ | PROT_WRITE);
        break;
    case SIGFPE:
    case SIGILL:
        u->uc_mcontext.gregs[REG_RIP] += 2;
        break;
    case SIGBUS:
        if (ftruncate(count > 100 ? -1 : 3, 4096) < 0) _exit(91);
    }
}

int main(void) {
    struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    for (int i = 0; i < 5; i++) NEED(sigaction(signals[i], &a, NULL));
    page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    page[5] = 1;
    say("mended %d", page[5]);
    int fd = open("empty", O_RDWR | O_CREAT, 0644);
    volatile char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    say("grown %d", map[0]);
    __asm__ volatile("xor %%ecx, %%ecx\n xor %%edx, %%edx\n mov $1, %%eax\n .byte 0xf7, 0xf1" ::: "rax", "rcx", "rdx");
    __asm__ volatile("ud2");
    __asm__ volatile("int3");
    say("%d handled", count);
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();
        if (child == 0) {
            signal(SIGSEGV, SIG_DFL);
            if (i) *(volatile int *)16 = 1;
            abort();
        }
        reap("child", child);
    }
}
