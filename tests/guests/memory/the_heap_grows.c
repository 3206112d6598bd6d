// brk starts right after the program, grows and shrinks, and gives the same results as natively.
// link: static dynamic musl
// syscalls: brk
#include "../facts.h"

extern char end;

int main(void) {
    char *start = (char *)syscall(SYS_brk, 0);
    say("after the program: %d", start >= &end && start < &end + (64L << 30));
    say("page aligned or after it: %d", ((unsigned long)start & 7) == 0 || start > &end);
    long moved = syscall(SYS_brk, start + 0x100000) - (long)start;
    say("grown by %ld", moved);
    memset(start, 7, 0x100000);
    say("shrunk by %ld", (long)start + 0x100000 - syscall(SYS_brk, start + 0x1000));
    say("refused below: %d", (char *)syscall(SYS_brk, 4096) == start + 0x1000);
    say("refused to the sky: %d", (char *)syscall(SYS_brk, -4096L) == start + 0x1000);
    say("back: %d", (char *)syscall(SYS_brk, start) == start);
    void *blocks[200];
    int bad = 0;
    for (int i = 0; i < 200; i++) {
        blocks[i] = malloc(i * 1000 + 1);
        if (blocks[i]) memset(blocks[i], i, i * 1000 + 1);
    }
    for (int i = 0; i < 200; i++) {
        if (!blocks[i] || ((unsigned char *)blocks[i])[i * 1000] != i) bad++;
        free(blocks[i]);
    }
    say("%d bad", bad);
    setrlimit(RLIMIT_DATA, &(struct rlimit){1 << 20, 1 << 20});
    say("limited: %d", (char *)syscall(SYS_brk, start + (64 << 20)) != start + (64 << 20));
}
