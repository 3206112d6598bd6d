// clone with the flags that libraries and runtimes use, and some that no program uses.
// syscalls: clone
#include "../facts.h"
#include <sched.h>

static char stack[256 * 1024] __attribute__((aligned(64)));
static volatile int shared;

static int child(void *what) {
    char cwd[100];
    struct stat st;
    shared++;
    if (stat("/bound/abs", &st) < 0 || st.st_size != 5) return 90;
    if (chdir("/data/dir") < 0 || !getcwd(cwd, sizeof cwd) || strcmp(cwd, "/data/dir")) return 91;
    if (open("inner", O_RDONLY) < 0) return 92;
    return 3;
}

static void try(const char *what, int flags) {
    char cwd[100];
    pid_t tid = 0, ptid = 0;
    shared = 0;
    NEED(chdir("/here"));
    pid_t pid = clone(child, stack + sizeof stack, flags, NULL, &ptid, NULL, &tid);
    if (pid < 0) {
        say("%s: %s", what, errno_name(errno));
        return;
    }
    int status;
    if (waitpid(pid, &status, __WALL) < 0) say("wait: %s", errno_name(errno));
    say("%s: status %x, shared %d, we in %s, parent tid set %d", what, status, shared, getcwd(cwd, sizeof cwd), ptid == pid);
    int fd = dup(0);
    say("next descriptor %d", fd);
    close(fd);
    close(3);
}

int main(void) {
    try("fork", SIGCHLD);
    try("CLONE_VM", CLONE_VM | SIGCHLD);
    try("CLONE_VM and CLONE_VFORK", CLONE_VM | CLONE_VFORK | SIGCHLD);
    try("CLONE_VFORK", CLONE_VFORK | SIGCHLD);
    try("CLONE_FS", CLONE_FS | SIGCHLD);
    try("CLONE_FILES", CLONE_FILES | SIGCHLD);
    try("CLONE_VM, FS and FILES", CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD);
    try("with SIGHAND", CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD);
    try("CLONE_PARENT_SETTID", CLONE_PARENT_SETTID | SIGCHLD);
    try("CLONE_CHILD_SETTID and CLEARTID", CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD);
    try("no signal", 0);
    try("SIGHAND without VM", CLONE_SIGHAND | SIGCHLD);
    try("THREAD without SIGHAND", CLONE_THREAD | CLONE_VM);
    try("FS and NEWNS", CLONE_FS | CLONE_NEWNS | SIGCHLD);
    long pid = syscall(SYS_clone, SIGCHLD, 0, NULL, NULL, 0);
    if (pid == 0) _exit(access("/data/file", R_OK) ? 1 : 4);
    reap("bare", pid);
}
