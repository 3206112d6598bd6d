// In strict mode only read, write, exit and sigreturn work; any other call is SIGKILL.
// syscalls: prctl
#include "../facts.h"
#include <linux/seccomp.h>
#include <sys/prctl.h>

int main(void) {
    for (int how = 0; how < 3; how++) {
        pid_t child = fork();
        if (child == 0) {
            int fd = open("/bound/abs", O_RDONLY);
            CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0));
            show_fd("it", fd);
            if (how == 1) access("/data/file", F_OK);
            if (how == 2) getppid();
            syscall(SYS_exit, 6);
        }
        reap("child", child);
    }
}
