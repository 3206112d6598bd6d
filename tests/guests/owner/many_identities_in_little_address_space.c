// More identities than a small part of the session's file holds, with limited address space.
// user: root
// syscalls: setresuid setresgid prlimit64
#include "../facts.h"

int main(int argc, char **argv) {
    if (argc == 1) {
        NEED(setrlimit(RLIMIT_AS, &(struct rlimit){16 << 20, 16 << 20}));
        execl("/bin/guest", "guest", "x", NULL);
        say("%s", errno_name(errno));
        return 1;
    }
    int wrong = 0;
    for (int i = 1; i <= 1500; i++) {
        if (setegid(1000 + i) != 0 || getegid() != 1000u + i) wrong++;
    }
    say("%d wrong", wrong);
    CALL(setegid(77));
    CALL(seteuid(33));
    if (argc > 2) return 0;
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/guest", "guest", "x", "y", NULL);
        _exit(9);
    }
    reap("child", child);
    while (mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    CALL(seteuid(0));
    say("%d %d", geteuid(), getegid());
}
