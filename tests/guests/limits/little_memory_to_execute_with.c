// A program that just runs under limits of data and address space also runs in newroot.
// link: static dynamic musl
// syscalls: prlimit64 execve
#include "../facts.h"

static void try(const char *name, int which, long kibibytes) {
    pid_t child = fork();
    if (child == 0) {
        rlim_t bytes = kibibytes * 1024;
        NEED(setrlimit(which, &(struct rlimit){bytes, bytes}));
        execl("/bin/guest", "guest", name, NULL);
        say("%s: %s", name, errno_name(errno));
        _exit(9);
    }
    reap(name, child);
}

int main(int argc, char **argv) {
    if (argc == 1) {
        try("address space", RLIMIT_AS, 4096);
        try("data", RLIMIT_DATA, 600);
        try("stack", RLIMIT_STACK, 64);
        // chpst -m 4000000
        for (int which = 0; which < RLIM_NLIMITS; which++)
            if (which == RLIMIT_AS || which == RLIMIT_DATA || which == RLIMIT_STACK || which == RLIMIT_MEMLOCK)
                NEED(setrlimit(which, &(struct rlimit){4000000, 4000000}));
        execl("/bin/guest", "guest", "all of them", NULL);
        say("%s", errno_name(errno));
        return 1;
    }
    struct stat s;
    say("%s", argv[1]);
    CALL(stat("/data/outwards", &s));
    CALL(stat("/bound/nested/../abs", &s));
    CALL(open("/data/missing", O_RDONLY));
    show("/data/file");
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/report", "report", "x", NULL);
        say("%s", errno_name(errno));
        _exit(9);
    }
    reap("child", child);
}
