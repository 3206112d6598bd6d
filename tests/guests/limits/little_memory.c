// With an address space barely larger than the program, calls still work, and malloc fails.
// syscalls: prlimit64 newfstatat openat rename chdir
#include "../facts.h"

int main(int argc, char **argv) {
    if (argc == 1) {
        NEED(setrlimit(RLIMIT_AS, &(struct rlimit){32 << 20, 32 << 20}));
        execl("/bin/guest", "guest", "x", NULL);
        say("%s", errno_name(errno));
        return 1;
    }
    struct stat s;
    CALL(malloc(64 << 20) != NULL);
    say("%s", errno_name(errno));
    CALL(malloc(8 << 20) != NULL);
    CALL(stat("/data/outwards", &s));
    CALL(stat("/bound/nested/../abs", &s));
    CALL(open("/data/missing", O_RDONLY));
    list("/bound");
    while (mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    while (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    say("full: %s", errno_name(errno));
    CALL(stat("/data/outwards", &s));
    CALL(rename("/data/file", "/data/renamed"));
    char cwd[100];
    CALL(chdir("/bound/dir"));
    say("%s", getcwd(cwd, sizeof cwd));
}
