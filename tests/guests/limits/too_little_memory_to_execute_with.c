// An exec under limits that no program could run with.
// syscalls: prlimit64 execve
#include "../facts.h"

static void try(const char *name, int which, long kibibytes) {
    pid_t child = fork();
    if (child == 0) {
        NEED(setrlimit(which, &(struct rlimit){kibibytes * 1024, kibibytes * 1024}));
        execl("/bin/guest", "guest", "x", NULL);
        say("%s: %s", name, errno_name(errno));
        _exit(9);
    }
    reap(name, child);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        say("run");
        return 0;
    }
    try("address space", RLIMIT_AS, 512);
    try("data", RLIMIT_DATA, 4);
}
