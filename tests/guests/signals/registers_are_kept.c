// A system call changes rax, rcx and r11 and nothing else: no vector, no byte of the red zone.
// syscalls: newfstatat
#include "../facts.h"

char path[] = "/data/link", status[sizeof(struct stat)], xmm_before[64], xmm_after[64];
uint64_t before[12], after[12], zone[3];

long call(void);

// newfstatat(AT_FDCWD, path, status, 0), with a pattern in every register that it leaves free.
__asm__(".pushsection .text\n"
        "call:\n"
        "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "  mov before(%rip), %rbx;     mov before+8(%rip), %rbp;   mov before+16(%rip), %r8;  mov before+24(%rip), %r9\n"
        "  mov before+32(%rip), %r12;  mov before+40(%rip), %r13;  mov before+48(%rip), %r14; mov before+56(%rip), %r15\n"
        "  movdqu xmm_before(%rip), %xmm0;     movdqu xmm_before+16(%rip), %xmm1\n"
        "  movdqu xmm_before+32(%rip), %xmm7;  movdqu xmm_before+48(%rip), %xmm15\n"
        "  movq $1, -8(%rsp); movq $2, -64(%rsp); movq $3, -128(%rsp)\n"
        "  mov $-100, %rdi; lea path(%rip), %rsi; lea status(%rip), %rdx; xor %r10d, %r10d\n"
        "  mov $262, %eax\n"
        "  syscall\n"
        "  mov %rbx, after(%rip);      mov %rbp, after+8(%rip);    mov %r8, after+16(%rip);   mov %r9, after+24(%rip)\n"
        "  mov %r12, after+32(%rip);   mov %r13, after+40(%rip);   mov %r14, after+48(%rip);  mov %r15, after+56(%rip)\n"
        "  mov %rdi, after+64(%rip);   mov %rsi, after+72(%rip);   mov %rdx, after+80(%rip);  mov %r10, after+88(%rip)\n"
        "  movdqu %xmm0, xmm_after(%rip);      movdqu %xmm1, xmm_after+16(%rip)\n"
        "  movdqu %xmm7, xmm_after+32(%rip);   movdqu %xmm15, xmm_after+48(%rip)\n"
        "  mov -8(%rsp), %rcx; mov %rcx, zone(%rip); mov -64(%rsp), %rcx; mov %rcx, zone+8(%rip)\n"
        "  mov -128(%rsp), %rcx; mov %rcx, zone+16(%rip)\n"
        "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "  ret\n"
        ".popsection\n");

static volatile int alarms;

static void handler(int s) { alarms++; }

static int once(int i) {
    int wrong = 0;
    for (int r = 0; r < 8; r++) before[r] = 0x0101010101010101 * (r + i + 1);
    memcpy(path + 6, i % 2 ? "link" : "file", 4); // one that needs a walk, one that doesn't
    before[8] = -100;
    before[9] = (uint64_t)path;
    before[10] = (uint64_t)status;
    for (int b = 0; b < 64; b++) xmm_before[b] = b * 7 + i;
    if (call() != 0 || ((struct stat *)status)->st_size != 5) wrong++;
    if (memcmp(before, after, sizeof before) || memcmp(xmm_before, xmm_after, sizeof xmm_before)) wrong++;
    if (zone[0] != 1 || zone[1] != 2 || zone[2] != 3) wrong++;
    return wrong;
}

int main(void) {
    int wrong = 0;
    for (int i = 0; i < 1000; i++) wrong += once(i);
    say("%d wrong", wrong);
    // And with a handler that runs during the call.
    on_signal(SIGALRM, handler, SA_RESTART);
    NEED(setitimer(ITIMER_REAL, &(struct itimerval){{0, 150}, {0, 150}}, NULL));
    for (int i = 0; alarms < 3000; i++) wrong += once(i % 100);
    NEED(setitimer(ITIMER_REAL, &(struct itimerval){}, NULL));
    say("%d wrong", wrong);
    path[6] = 'x';
    say("an error: %ld", call());
    say("wrong: %d", memcmp(before, after, sizeof before) || memcmp(xmm_before, xmm_after, sizeof xmm_before));
}
