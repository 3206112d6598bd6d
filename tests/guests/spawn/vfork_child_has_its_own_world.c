// A vfork child's changes to its directory, descriptors and mask don't affect its parent.
// syscalls: vfork chdir execve
#include "../facts.h"

static void here(const char *who) {
    char cwd[PATH_MAX];
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    say("%s in %s, TERM blocked %d, SYS blocked %d", who, getcwd(cwd, sizeof cwd), sigismember(&mask, SIGTERM), sigismember(&mask, SIGSYS));
}

int main(void) {
    volatile int shared = 1;
    pid_t child = vfork();
    if (child == 0) {
        sigset_t set;
        sigfillset(&set);
        sigprocmask(SIG_BLOCK, &set, NULL);
        if (chdir("/bound/dir") < 0 || open("inner", O_RDONLY) != 3) _exit(1);
        here("child");
        shared = 2;
        _exit(0);
    }
    reap("vfork", child);
    here("parent");
    say("shared %d", shared);
    show_stat("../data/file");
    list("/proc/self/fd");
    child = vfork();
    if (child == 0) {
        chdir("/data");
        execl("/bin/missing", "missing", NULL);
        execl("../bin/report", "report", "from vfork", NULL);
        _exit(9);
    }
    reap("exec", child);
    here("parent");
    for (int i = 0; i < 200; i++) {
        child = vfork();
        if (child == 0) {
            if (i % 2) execl("/bin/nowhere", "x", NULL);
            else execl("/data/file/x", "x", NULL);
            _exit(errno == (i % 2 ? ENOENT : ENOTDIR) ? 0 : 1);
        }
        int status;
        waitpid(child, &status, 0);
        if (status) say("%d: %x", i, status);
    }
    here("parent");
}
