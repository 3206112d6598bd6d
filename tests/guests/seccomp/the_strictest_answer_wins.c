// The strictest of several filters' answers counts, and of equally strict ones the newest.
// syscalls: seccomp prctl
#include "../filters.h"

int main(void) {
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    char path[100];
    struct stat s;

    // The same call twice, once with an additional filter that allows it.
    deny(SYS_mkdir, EDQUOT);
    deny(SYS_mkdir, EXDEV);
    NEED(answer(SYS_mkdir, SECCOMP_RET_ALLOW, 0));
    NEED(answer(SYS_mkdir, SECCOMP_RET_LOG, 0));
    CALL(mkdir("x", 0755));

    // An errno of 0, and one that is too large.
    deny(SYS_readlink, 0);
    CALL(readlink("/data/link", path, sizeof path));
    deny(SYS_rmdir, 4095);
    CALL(syscall(SYS_rmdir, "x"));
    deny(SYS_chmod, 65535);
    CALL(syscall(SYS_chmod, "/data/file", 0644));

    // Logged and allowed.
    NEED(answer(SYS_access, SECCOMP_RET_LOG, 0));
    CALL(access("/data/link", R_OK));

    // A computed answer: the call's number is the errno.
    struct sock_filter computed[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_lstat, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_MISC | BPF_TXA, 0),
        BPF_STMT(BPF_RET | BPF_A, 0),
    };
    struct sock_fprog program = {sizeof computed / sizeof *computed, computed};
    NEED(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    CALL(syscall(SYS_lstat, "/data/link", &s));

    // A child is killed by a call that only fails for the parent.
    pid_t child = fork();
    if (child == 0) {
        NEED(answer(SYS_mkdir, SECCOMP_RET_KILL_PROCESS, 0));
        show("/data/file");
        CALL(mkdir("x", 0755));
        _exit(1);
    }
    reap("child", child);
    CALL(mkdir("x", 0755));
}
