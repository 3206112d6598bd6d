// A filter may have thousands of instructions, and jump over most of them.
// syscalls: prctl
#include "../filters.h"

#define LENGTH 4000

int main(void) {
    static struct sock_filter code[5000];
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    // All answers for calls that don't exist, with the interesting one at the end.
    code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 1; i < LENGTH - 3; i += 2) {
        code[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 100000 + i, 0, 1);
        code[i + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, i % 4 == 1 ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_TRAP | i % 8);
    }
    code[LENGTH - 3] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdir, 0, 1);
    code[LENGTH - 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDQUOT);
    code[LENGTH - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {LENGTH, code}, too_long = {4097, code}, endless = {LENGTH - 4, code};
    CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &too_long));
    CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &endless));
    CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    CALL(mkdir("x", 0755));
    CALL(rmdir("x"));
    show("/bound/abs");
    // A jump skips the rest of the filter.
    code[0] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, LENGTH - 2);
    CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    code[0] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, LENGTH - 1);
    CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    CALL(mkdir("x", 0755));
    CALL(access("/data/link", R_OK));
}
