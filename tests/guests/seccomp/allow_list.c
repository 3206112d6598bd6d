// A guest that allows itself a few calls can still make those, and no others.
// syscalls: seccomp prctl
#include "../facts.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

int main(void) {
    static const int allowed[] = {SYS_write, SYS_exit_group, SYS_stat, SYS_openat, SYS_close, SYS_newfstatat, SYS_read, SYS_readlink, SYS_rt_sigreturn};
    enum { COUNT = sizeof allowed / sizeof *allowed };
    struct sock_filter code[COUNT + 4];
    int n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < COUNT; i++) code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], COUNT - i, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {n, code};
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    NEED(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
    struct stat s;
    CALL(fstatat(AT_FDCWD, "/data/outwards", &s, 0));
    CALL(fstatat(AT_FDCWD, "/bound/nested/../abs", &s, 0));
    CALL(syscall(SYS_stat, "/data/missing", &s));
    int fd = CALL(openat(AT_FDCWD, "/data/absdir/inner", O_RDONLY));
    show_fd("inner", fd);
    CALL(close(fd));
    CALL(openat(AT_FDCWD, "/here/new", O_RDWR | O_CREAT, 0644));
    CALL(readlink("/proc/self/exe", (char[50]){0}, 50));
    CALL(readlinkat(AT_FDCWD, "/proc/self/exe", (char[50]){0}, 50));
    CALL(access("/data/file", F_OK));
    CALL(mkdir("/here/x", 0755));
    CALL(unlink("/data/file"));
    CALL(chdir("/data"));
    CALL(syscall(SYS_getcwd, (char[50]){0}, 50));
    CALL(syscall(SYS_statx, AT_FDCWD, "/data/file", 0, 0, (char[300]){0}));
    CALL(syscall(SYS_openat2, AT_FDCWD, "/data/file", (uint64_t[3]){0}, 24));
    CALL(syscall(SYS_execve, "/bin/report", NULL, NULL));
    CALL(fork());
    CALL(socket(AF_UNIX, SOCK_STREAM, 0));
    CALL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
    CALL(openat(AT_FDCWD, "/data/link", O_RDONLY));
}
