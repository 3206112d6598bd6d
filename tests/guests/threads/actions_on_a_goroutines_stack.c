// Go's runtime sets signal actions and masks on any goroutine's stack, with some 600 bytes left:
// the memory below belongs to another goroutine. Its signals have a stack of their own.
// syscalls: rt_sigaction rt_sigprocmask sigaltstack
#include "../facts.h"

long call_on(void *stack, long how);

// As in runtime/sys_linux_amd64.s: arguments from the stack, the number last.
__asm__(".text\n"
        "call_on: push %rbx\n"
        "mov %rsp, %rbx\n"
        "mov %rdi, %rsp\n"
        "test %rsi, %rsi\n"
        "jz 1f\n"
        "mov 0x8(%rsp), %rdi\n"
        "mov 0x10(%rsp), %rsi\n"
        "mov 0x18(%rsp), %rdx\n"
        "mov 0x20(%rsp), %r10\n"
        "mov $13, %eax\n"
        "syscall\n"
        "jmp 2f\n"
        "1: mov 0x8(%rsp), %edi\n"
        "mov 0x10(%rsp), %rsi\n"
        "mov 0x18(%rsp), %rdx\n"
        "mov 0x20(%rsp), %r10d\n"
        "mov $14, %eax\n"
        "syscall\n"
        "2: mov %rbx, %rsp\n"
        "pop %rbx\n"
        "ret\n");

int main(void) {
    enum { BELOW = 32768, LEFT = 600 };
    static char alternate[65536];
    NEED(sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = sizeof alternate}, NULL));
    char *memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 'n', 65536);
    long *stack = (long *)(memory + BELOW + LEFT);
    int wrong = 0, spoilt = 0;
    for (int i = 0; i < 200; i++) {
        long action[4], mask;
        stack[1] = SIGUSR1, stack[2] = 0, stack[3] = (long)action, stack[4] = 8;
        wrong += call_on(stack, 1) != 0;
        stack[1] = SIG_BLOCK, stack[2] = 0, stack[3] = (long)&mask, stack[4] = 8;
        wrong += call_on(stack, 0) != 0;
        for (int at = 0; at < BELOW; at++) {
            if (memory[at] == 'n') continue;
            spoilt++;
            break;
        }
    }
    say("%d wrong, %d spoilt", wrong, spoilt);
}
