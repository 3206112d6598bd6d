// A filter sees the guest's own arguments and instruction pointer, not the shim's.
// syscalls: seccomp prctl
#include "../facts.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

int main(void) {
    // open for writing: EACCES; a path pointer at one address: EXDEV.
    static const char special[] = "/data/file";
    struct sock_filter code[] = {
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 8),
        LOAD(args[2]),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        LOAD(args[1]),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(uintptr_t)special, 0, 3),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    CALL(openat(AT_FDCWD, "/data/link", O_RDONLY));
    CALL(openat(AT_FDCWD, "/data/link", O_RDWR));
    CALL(openat(AT_FDCWD, "/data/missing", O_WRONLY | O_CREAT, 0644));
    CALL(openat(AT_FDCWD, special, O_RDONLY));
    struct sock_filter bad[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 1000), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog wrong = {2, bad}, endless = {1, code}, none = {0, code}, faulty = {2, (void *)16};
    CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &wrong));
    CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &endless));
    CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &none));
    CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &faulty));
    CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (void *)16));
    CALL(syscall(SYS_seccomp, 99, 0, NULL));
    CALL(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 1 << 20, &program));
    unsigned action = SECCOMP_RET_ERRNO;
    CALL(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
    action = 0x12340000;
    CALL(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
    unsigned short sizes[3];
    CALL(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, sizes));
    show("/bound/nested/file");
}
