// A guest filter that answers an errno also works for path calls, and only for the calls it names.
// syscalls: prctl
#include "../facts.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

static void deny(unsigned nr, unsigned answer) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};
    CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

int main(void) {
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    struct stat s;
    deny(SYS_mkdir, SECCOMP_RET_ERRNO | EDQUOT);
    CALL(mkdir("x", 0755));
    CALL(mkdirat(AT_FDCWD, "x", 0755));
    deny(SYS_newfstatat, SECCOMP_RET_ERRNO | ENOSPC);
    CALL(fstatat(AT_FDCWD, "/data/link", &s, 0));
    CALL(fstatat(AT_FDCWD, "/data/missing", &s, 0));
    CALL(fstatat(AT_FDCWD, (char *)16, &s, 0));
    show("/bound/abs");
    list("/bound");
    CALL(access("/data/link", R_OK));
    deny(SYS_getcwd, SECCOMP_RET_ERRNO | EIO);
    CALL(syscall(SYS_getcwd, (char[100]){0}, 100));
    deny(SYS_readlink, SECCOMP_RET_ERRNO | 0);
    CALL(readlink("/data/link", (char[100]){0}, 100));
    deny(SYS_getpid, SECCOMP_RET_ERRNO | EXDEV);
    CALL(syscall(SYS_getpid));
    pid_t child = fork();
    if (child == 0) {
        CALL(mkdir("y", 0755));
        CALL(rmdir("x"));
        execl("/bin/report", "report", "under a filter", NULL);
        _exit(9);
    }
    reap("child", child);
}
