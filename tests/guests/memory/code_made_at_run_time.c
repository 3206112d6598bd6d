// Code that is written into fresh memory makes system calls like any other code.
// syscalls: mmap mprotect
#include "../facts.h"

// mov $nr, %eax; mov %rcx, %r10; syscall; ret  -- with the arguments where C puts them
static const unsigned char code[] = {0xb8, 0, 0, 0, 0, 0x49, 0x89, 0xca, 0x0f, 0x05, 0xc3};
typedef long (*call)(long, const void *, const void *, long);

static call make(void *where, int nr) {
    memcpy(where, code, sizeof code);
    memcpy((char *)where + 1, &nr, 4);
    return (call)where;
}

int main(void) {
    struct stat s;
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    call stat_ = make(page, SYS_newfstatat), open_ = make(page + 64, SYS_openat);
    CALL(stat_(AT_FDCWD, "/bound/abs", &s, 0));
    say("size %ld", (long)s.st_size);
    say("stat %ld", stat_(AT_FDCWD, "/data/missing", &s, 0));
    say("open %ld", open_(AT_FDCWD, "/data/link", NULL, 0));
    NEED(mprotect(page, 4096, PROT_READ | PROT_EXEC));
    CALL(stat_(AT_FDCWD, "/data/outwards", &s, 0));
    say("size %ld", (long)s.st_size);
    int memory = memfd_create("code", 0);
    NEED(ftruncate(memory, 4096));
    char *writable = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    make(writable, SYS_newfstatat);
    char *runnable = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, memory, 0);
    say("twice mapped: stat %ld", ((call)runnable)(AT_FDCWD, "/bound/nested/file", &s, 0));
    int fd = open("code", O_RDWR | O_CREAT, 0755);
    make(writable, SYS_openat);
    NEED(write(fd, writable, 4096));
    char *from_file = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    say("from a file: open %ld", ((call)from_file)(AT_FDCWD, "/data/absdir/inner", NULL, 0));
    say("text is untouched: %d", !memcmp(from_file + 5, code + 5, sizeof code - 5));
    char *across = page + 4096 - 9;
    NEED(mprotect(page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC));
    say("across pages: stat %ld", make(across, SYS_newfstatat)(AT_FDCWD, "/data/file", &s, 0));
}
