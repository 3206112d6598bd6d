// A mapping of a file opened by guest path has that file's content.
// syscalls: mmap msync
#include "../facts.h"

int main(void) {
    int fd = open("/bound/link", O_RDWR);
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    close(fd);
    say("%.5s %.5s", shared, own);
    memcpy(own, "OWNED", 5);
    show("/bound/file");
    memcpy(shared, "SHARE", 5);
    show("/bound/file");
    say("%.5s %.5s", shared, own);
    CALL(msync(shared, 4096, MS_SYNC));
    int read_only = open("/data/file", O_RDONLY);
    say("writable mapping: %s", mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, read_only, 0) == MAP_FAILED ? errno_name(errno) : "made");
    say("mapped directory: %s", mmap(NULL, 4096, PROT_READ, MAP_SHARED, open("/data", O_RDONLY), 0) == MAP_FAILED ? errno_name(errno) : "made");
    say("mapped O_PATH: %s", mmap(NULL, 4096, PROT_READ, MAP_SHARED, open("/data/file", O_PATH), 0) == MAP_FAILED ? errno_name(errno) : "made");
    int program = open("/bin/guest", O_RDONLY);
    char *text = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, program, 0);
    say("ELF: %d", !memcmp(text, "\177ELF", 4));
    CALL(mprotect(text, 4096, PROT_READ));
    CALL(mprotect(text, 4096, PROT_READ | PROT_EXEC));
}
