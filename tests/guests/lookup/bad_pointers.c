// An invalid pointer gives EFAULT, and so does a path that runs off the end of memory.
// syscalls: newfstatat statx openat openat2 access readlink getcwd mkdir rmdir unlink rename link
// syscalls: symlink chmod chown truncate chdir statfs utimensat getxattr getdents64 execve bind
// syscalls: connect rt_sigaction rt_sigprocmask
#include "../facts.h"
#include <sys/statfs.h>
#include <sys/xattr.h>

int main(void) {
    char *bad = (char *)16, *gone = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(munmap(gone + 4096, 4096));
    char *cut = memset(gone, 'a', 4096) + 4000, *whole = gone + 4096 - sizeof "/data/file";
    struct stat s;
    struct statfs f;
    CALL(stat(bad, &s));
    CALL(stat((char *)-1, &s));
    CALL(stat((char *)0xffffffff80000000, &s));
    CALL(stat(cut, &s));
    memcpy(whole, "/data/file", sizeof "/data/file");
    CALL(stat(whole, &s));
    CALL(syscall(SYS_newfstatat, AT_FDCWD, "/data/file", bad, 0));
    CALL(syscall(SYS_newfstatat, AT_FDCWD, "/data/missing", bad, 0));
    CALL(syscall(SYS_newfstatat, AT_FDCWD, NULL, &s, 0));
    CALL(open(bad, O_RDONLY));
    CALL(open(bad, O_RDWR | O_CREAT, 0600));
    CALL(access(bad, F_OK));
    CALL(readlink(bad, (char[9]){0}, 9));
    CALL(readlink("/data/link", bad, 9));
    CALL(mkdir(bad, 0755));
    CALL(rmdir(bad));
    CALL(unlink(bad));
    CALL(rename(bad, "x"));
    CALL(rename("/data/file", bad));
    CALL(rename("/data/missing", bad));
    CALL(link(bad, "x"));
    CALL(link("/data/file", bad));
    CALL(symlink(bad, "x"));
    CALL(symlink("x", bad));
    CALL(chmod(bad, 0644));
    CALL(chown(bad, -1, -1));
    CALL(truncate(bad, 0));
    CALL(chdir(bad));
    CALL(syscall(SYS_getcwd, bad, 100));
    CALL(statfs(bad, &f));
    CALL(statfs("/data", (struct statfs *)bad));
    CALL(utimensat(AT_FDCWD, bad, NULL, 0));
    CALL(utimensat(AT_FDCWD, "/data/file", (struct timespec *)bad, 0));
    CALL(getxattr(bad, "user.x", NULL, 0));
    CALL(getxattr("/data/file", bad, NULL, 0));
    CALL(syscall(SYS_statx, AT_FDCWD, "/data/file", 0, STATX_ALL, bad));
    CALL(syscall(SYS_execve, bad, NULL, NULL));
    CALL(syscall(SYS_execve, "/bin/report", bad, NULL));
    CALL(syscall(SYS_execve, "/bin/report", (char *[]){bad, NULL}, NULL));
    CALL(syscall(SYS_execve, "/bin/report", (char *[]){"x", NULL}, bad));
    CALL(syscall(SYS_openat2, AT_FDCWD, "/data/file", bad, 24));
    int u = socket(AF_UNIX, SOCK_STREAM, 0);
    CALL(bind(u, (struct sockaddr *)bad, 20));
    CALL(connect(u, (struct sockaddr *)bad, 20));
    CALL(syscall(SYS_getdents64, open("/data", O_RDONLY), bad, 4096));
    CALL(syscall(SYS_rt_sigaction, SIGUSR1, bad, NULL, 8));
    CALL(syscall(SYS_rt_sigprocmask, SIG_BLOCK, bad, NULL, 8));
}
