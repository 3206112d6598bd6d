// mmap, mremap, mprotect and munmap with the flags that runtimes use.
// syscalls: mmap mremap munmap mprotect madvise mlock mincore msync
#include "../facts.h"

static const char *outcome(void *p) { return p == MAP_FAILED ? errno_name(errno) : "mapped"; }

int main(void) {
    void *low = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    say("MAP_32BIT: %s, below 2 GiB: %d", outcome(low), (unsigned long)low < 1UL << 31);
    void *fixed = mmap(low, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    say("MAP_FIXED: %d", fixed == low);
    say("MAP_FIXED_NOREPLACE: %s", outcome(mmap(low, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)));
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(p, "moved");
    p = mremap(p, 8192, 1 << 22, MREMAP_MAYMOVE);
    say("mremap: %s", p == MAP_FAILED ? errno_name(errno) : p);
    say("mremap in place: %s", outcome(mremap(p, 1 << 22, 4096, 0)));
    char *grows = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_STACK, -1, 0);
    say("MAP_GROWSDOWN: %s", outcome(grows));
    void *huge = mmap(NULL, 1L << 40, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    say("a terabyte: %s", outcome(huge));
    CALL(munmap(huge, 1L << 40));
    say("four terabytes for a sanitizer: %s", outcome(mmap((void *)0x100000000000, 1L << 42, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0)));
    int fd = open("/bin/guest", O_RDONLY);
    char *text = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4096);
    say("program text: %s", outcome(text));
    CALL(mprotect(text, 8192, PROT_READ | PROT_WRITE));
    text[0] = 1;
    CALL(mprotect(text, 8192, PROT_READ | PROT_EXEC));
    say("offset: %s", outcome(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 1)));
    say("length zero: %s", outcome(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, fd, 0)));
    say("bad descriptor: %s", outcome(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 500, 0)));
    CALL(mprotect((void *)1, 4096, PROT_READ));
    CALL(munmap((void *)1, 4096));
    CALL(madvise(p, 4096, MADV_DONTNEED));
    CALL(mlock(p, 4096));
    CALL(mincore(p, 4096, (unsigned char[4]){0}));
    CALL(msync(p, 4096, MS_ASYNC));
}
