// A system call from a stack with 640 bytes left, as a goroutine's may have, where signals have a
// stack of their own: nothing below is changed.
// syscalls: lstat
#include "../facts.h"

long look(const char *path, struct stat *out);
long look_on(void *stack, const char *path, struct stat *out);

__asm__(".pushsection .text\n"
        ".rept 24; mov %rsp, %rax; xor %eax, %eax; .endr\n"
        "look: mov $6, %eax\n" // lstat
        "  syscall\n"
        "  ret\n"
        "look_on:\n"
        "  push %rbx; mov %rsp, %rbx; mov %rdi, %rsp; mov %rsi, %rdi; mov %rdx, %rsi\n"
        "  call look\n"
        "  mov %rbx, %rsp; pop %rbx; ret\n"
        ".popsection\n");

int main(void) {
    enum { BELOW = 8192, LEFT = 640 };
    static unsigned char memory[BELOW + LEFT];
    static char for_signals[65536];
    struct stat st;
    int wrong = 0;
    for (int i = 0; i < 100; i++)
        if (look("/data/file", &st) != 0 || st.st_size != 5) wrong++;
    NEED(sigaltstack(&(stack_t){.ss_sp = for_signals, .ss_size = sizeof for_signals}, NULL));
    memset(memory, 0x5a, BELOW);
    for (int i = 0; i < 100; i++) {
        if (look_on(memory + sizeof memory, "/data/file", &st) != 0 || st.st_size != 5) wrong++;
        if (look_on(memory + sizeof memory, "/data/missing", &st) != -ENOENT) wrong++;
        if (look_on(memory + sizeof memory, "/bound/abs", &st) != 0 || !S_ISLNK(st.st_mode)) wrong++;
    }
    int touched = 0;
    for (int i = 0; i < BELOW; i++) touched += memory[i] != 0x5a;
    say("%d wrong, %d bytes touched", wrong, touched);
}
