// Runs a command whose system calls fail one by one, each with an error that the kernel has for it when something
// runs out.
//
//   faults [--calls N ERRNO] [--on] [--report FILE] -- COMMAND [ARG]...
//
// Without --calls only newroot's shim is looked at, and the guest says when (tests/robust/faults/fault.h). With it the Nth
// fitting call of the command and all that it starts fails, and with --on each one behind it, too: what has run out
// may be had again, or not. Calls by programs linked at the usual fixed addresses, such as static guests, don't count.
//
// A filter that notifies us of the calls is put around the command; all but the ones that are to fail go on. The
// report tells what failed: the call's name, or "nothing".

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"

// The kernel's own words; older headers lack some.
#ifndef SECCOMP_USER_NOTIF_FLAG_CONTINUE
#define SECCOMP_USER_NOTIF_FLAG_CONTINUE 1u
#endif

// What may run out in a call.
enum {
    MEMORY = 1,
    FILES = 2,
    // A directory needs room for a name, or a file for its contents.
    SPACE = 4,
    // It does if the flags that are argument `flags` say that a file is to be made.
    SPACE_IF_MADE = 8,
    // A process more.
    PROCESSES = 16,
};

static const struct call {
    const char *name;
    int number, lacks, flags;
} calls[] = {
    {"open", SYS_open, MEMORY | FILES | SPACE_IF_MADE, 1},
    {"openat", SYS_openat, MEMORY | FILES | SPACE_IF_MADE, 2},
    {"openat2", SYS_openat2, MEMORY | FILES | SPACE_IF_MADE, 2},
    {"creat", SYS_creat, MEMORY | FILES | SPACE, 0},
    {"memfd_create", SYS_memfd_create, MEMORY | FILES, 0},
    {"socket", SYS_socket, MEMORY | FILES, 0},
    {"pipe2", SYS_pipe2, MEMORY | FILES, 0},
    {"dup", SYS_dup, FILES, 0},
    {"fcntl", SYS_fcntl, FILES, 0},
    {"mmap", SYS_mmap, MEMORY, 0},
    {"mremap", SYS_mremap, MEMORY, 0},
    {"mprotect", SYS_mprotect, MEMORY, 0},
    {"clone", SYS_clone, MEMORY | PROCESSES, 0},
    {"execve", SYS_execve, MEMORY | FILES, 0},
    {"execveat", SYS_execveat, MEMORY | FILES, 0},
    {"ftruncate", SYS_ftruncate, MEMORY | SPACE, 0},
    {"fallocate", SYS_fallocate, MEMORY | SPACE, 0},
    {"write", SYS_write, MEMORY | SPACE, 0},
    {"writev", SYS_writev, MEMORY | SPACE, 0},
    {"pwrite64", SYS_pwrite64, MEMORY | SPACE, 0},
    {"copy_file_range", SYS_copy_file_range, MEMORY | SPACE, 0},
    {"sendfile", SYS_sendfile, MEMORY | SPACE, 0},
    {"mkdir", SYS_mkdir, MEMORY | SPACE, 0},
    {"mkdirat", SYS_mkdirat, MEMORY | SPACE, 0},
    {"mknod", SYS_mknod, MEMORY | SPACE, 0},
    {"mknodat", SYS_mknodat, MEMORY | SPACE, 0},
    {"symlink", SYS_symlink, MEMORY | SPACE, 0},
    {"symlinkat", SYS_symlinkat, MEMORY | SPACE, 0},
    {"link", SYS_link, MEMORY | SPACE, 0},
    {"linkat", SYS_linkat, MEMORY | SPACE, 0},
    {"rename", SYS_rename, MEMORY | SPACE, 0},
    {"renameat", SYS_renameat, MEMORY | SPACE, 0},
    {"renameat2", SYS_renameat2, MEMORY | SPACE, 0},
    // File systems that never write in place need room to forget something, too.
    {"unlink", SYS_unlink, MEMORY | SPACE, 0},
    {"unlinkat", SYS_unlinkat, MEMORY | SPACE, 0},
    {"rmdir", SYS_rmdir, MEMORY | SPACE, 0},
    {"chmod", SYS_chmod, MEMORY | SPACE, 0},
    {"fchmod", SYS_fchmod, MEMORY | SPACE, 0},
    {"fchmodat", SYS_fchmodat, MEMORY | SPACE, 0},
    {"fchmodat2", 452, MEMORY | SPACE, 0},
    {"chown", SYS_chown, MEMORY | SPACE, 0},
    {"lchown", SYS_lchown, MEMORY | SPACE, 0},
    {"fchown", SYS_fchown, MEMORY | SPACE, 0},
    {"fchownat", SYS_fchownat, MEMORY | SPACE, 0},
    {"utimensat", SYS_utimensat, MEMORY | SPACE, 0},
    {"setxattr", SYS_setxattr, MEMORY | SPACE, 0},
    {"lsetxattr", SYS_lsetxattr, MEMORY | SPACE, 0},
    {"fsetxattr", SYS_fsetxattr, MEMORY | SPACE, 0},
    {"setxattrat", 463, MEMORY | SPACE, 0},
    {"removexattr", SYS_removexattr, MEMORY | SPACE, 0},
    {"fremovexattr", SYS_fremovexattr, MEMORY | SPACE, 0},
    {"truncate", SYS_truncate, MEMORY | SPACE, 0},
    {"stat", SYS_stat, MEMORY, 0},
    {"lstat", SYS_lstat, MEMORY, 0},
    {"newfstatat", SYS_newfstatat, MEMORY, 0},
    {"statx", SYS_statx, MEMORY, 0},
    {"access", SYS_access, MEMORY, 0},
    {"faccessat", SYS_faccessat, MEMORY, 0},
    {"faccessat2", 439, MEMORY, 0},
    {"readlink", SYS_readlink, MEMORY, 0},
    {"readlinkat", SYS_readlinkat, MEMORY, 0},
    {"getdents64", SYS_getdents64, MEMORY, 0},
    {"getxattr", SYS_getxattr, MEMORY, 0},
    {"lgetxattr", SYS_lgetxattr, MEMORY, 0},
    {"fgetxattr", SYS_fgetxattr, MEMORY, 0},
    {"listxattr", SYS_listxattr, MEMORY, 0},
    {"flistxattr", SYS_flistxattr, MEMORY, 0},
    {"getcwd", SYS_getcwd, MEMORY, 0},
    {"chdir", SYS_chdir, MEMORY, 0},
    {"bind", SYS_bind, MEMORY | SPACE, 0},
    {"connect", SYS_connect, MEMORY, 0},
    {"pread64", SYS_pread64, MEMORY, 0},
    {"seccomp", SYS_seccomp, MEMORY, 0},
    {"fsopen", SYS_fsopen, MEMORY | FILES, 0},
    {"fsmount", SYS_fsmount, MEMORY | FILES, 0},
    {"open_tree", SYS_open_tree, MEMORY | FILES, 0},
    {"move_mount", SYS_move_mount, MEMORY | SPACE, 0},
    {"mount", SYS_mount, MEMORY | SPACE, 0},
    {"mount_setattr", 442, MEMORY, 0},
    {"pivot_root", SYS_pivot_root, MEMORY, 0},
    {"umount2", SYS_umount2, MEMORY, 0},
    {"unshare", SYS_unshare, MEMORY | SPACE, 0},
};
enum { CALLS = sizeof calls / sizeof *calls };

// Which calls are looked at: those of code between these addresses.
static unsigned long long from = SHIM_BEGINS, to = SHIM_ENDS;
// Which call is to fail, how, and whether those behind it, too; how many there were, and which one failed first.
static long nth, count;
static int error;
static bool on;
static const struct call *failed;

static void fail(const char *what) {
    fprintf(stderr, "faults: cannot %s: %s\n", what, strerror(errno));
    exit(120);
}

static int lack_of(int number) {
    switch (number) {
    case ENOMEM: return MEMORY;
    case EMFILE: case ENFILE: return FILES;
    case ENOSPC: case EDQUOT: return SPACE;
    case EAGAIN: return PROCESSES;
    default: return 0;
    }
}

// Whether a call makes a file, by its flags.
static bool makes(const struct seccomp_notif *notice, const struct call *call) {
    unsigned long long flags = notice->data.args[call->flags];
    if (call->number == SYS_openat2) {
        // They lie in memory.
        struct iovec here = {&flags, sizeof flags}, there = {(void *)notice->data.args[2], sizeof flags};
        if (process_vm_readv(notice->pid, &here, 1, &there, 1, 0) != sizeof flags) return false;
    }
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

static bool fits(const struct seccomp_notif *notice, const struct call *call) {
    int lack = lack_of(error);
    unsigned long long at = notice->data.instruction_pointer;
    bool of_shim = at >= SHIM_BEGINS && at < SHIM_ENDS;
    bool maps = call->number == SYS_mmap || call->number == SYS_mremap || call->number == SYS_mprotect;
    // A C library that can't get its own memory ends its program in its own words.
    if (maps && !of_shim) return false;
    // What is said has to be heard.
    if ((call->number == SYS_write || call->number == SYS_writev) && notice->data.args[0] <= 2) return false;
    if (call->number == SYS_fcntl && notice->data.args[1] != F_DUPFD && notice->data.args[1] != F_DUPFD_CLOEXEC)
        return false;
    return call->lacks & lack || (lack == SPACE && call->lacks & SPACE_IF_MADE && makes(notice, call));
}

static void judge(const struct seccomp_notif *notice, struct seccomp_notif_resp *answer) {
    if (notice->data.nr == FAULTS_NUMBER) {
        if ((long)notice->data.args[0] < 0) {
            nth = 0;
            return;
        }
        // The guest says what is to fail next, and hears what has failed.
        answer->val = failed ? failed->number + 1 : 0;
        nth = notice->data.args[0], error = notice->data.args[1], on = notice->data.args[2];
        count = 0, failed = NULL;
        return;
    }
    answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    if (!nth) return;
    const struct call *call = calls;
    while (call->number != notice->data.nr) call++;
    if (!fits(notice, call)) return;
    count++;
    if (on ? count >= nth : count == nth) {
        answer->flags = 0;
        answer->error = -error;
        if (!failed) failed = call;
    }
}

static void supervise(int listener) {
    static struct { struct seccomp_notif notice; char more[256]; } in;
    static struct { struct seccomp_notif_resp answer; char more[256]; } out;
    for (;;) {
        struct pollfd ready = {listener, POLLIN, 0};
        if (poll(&ready, 1, -1) < 0) fail("wait");
        // Whoever had the filter is gone.
        if (!(ready.revents & POLLIN)) return;
        memset(&in, 0, sizeof in);
        memset(&out, 0, sizeof out);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &in.notice) < 0) {
            // Killed meanwhile.
            if (errno == ENOENT || errno == EINTR) continue;
            fail("hear of a call");
        }
        out.answer.id = in.notice.id;
        judge(&in.notice, &out.answer);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &out.answer) < 0 && errno != ENOENT) fail("answer");
    }
}

static struct sock_filter filter[512];
static unsigned length;

static void emit(unsigned code, unsigned k, unsigned yes, unsigned no) {
    filter[length++] = (struct sock_filter){code, yes, no, k};
}

// Lets go what is called from below the address; or from there on. The filter's addresses lie below 4 GiB.
static void let_go(unsigned long long address, bool below) {
    emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4, 0, 0);
    emit(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, below ? 3 : 2);
    emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer), 0, 0);
    emit(BPF_JMP | BPF_JGE | BPF_K, (unsigned)address, below, !below);
    emit(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

static int install(void) {
    emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
    emit(BPF_JMP | BPF_JEQ | BPF_K, FAULTS_NUMBER, 0, 1);
    emit(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF, 0, 0);
    for (int i = 0; i < CALLS; i++) {
        // One that is far from the end jumps by way of the next instruction but one.
        emit(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, 0, 1);
        emit(BPF_JMP | BPF_JA, 2 * (CALLS - i - 1) + 1, 0, 0);
    }
    emit(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    let_go(from, true);
    if (to) let_go(to, false);
    emit(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF, 0, 0);
    struct sock_fprog program = {length, filter};
    int listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (listener >= 0 || errno != EACCES) return listener;
    // Root is to be root as ever; nobody else may without.
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return -1;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

int main(int argc, char **argv) {
    (void)argc;
    const char *report = NULL;
    char **a = argv + 1;
    for (; a[0] && strcmp(a[0], "--") != 0; a++) {
        if (!strcmp(a[0], "--calls") && a[1] && a[2]) {
            nth = atol(a[1]), error = atoi(a[2]), from = FIXED_END, to = 0;
            a += 2;
        } else if (!strcmp(a[0], "--on")) on = true;
        else if (!strcmp(a[0], "--report") && a[1]) report = *++a;
        else return fprintf(stderr, "faults: what is '%s'?\n", a[0]), 120;
    }
    if (!a[0] || !a[1]) return fprintf(stderr, "faults: no command\n"), 120;
    // The child makes the filter, and has the same descriptors until it executes the command.
    int *listener = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (listener == MAP_FAILED) fail("map");
    *listener = -1;
    pid_t child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (child < 0) fail("fork");
    if (child == 0) {
        int made = install();
        *(volatile int *)listener = made >= 0 ? made : -errno - 1;
        syscall(SYS_futex, listener, FUTEX_WAKE, 1, NULL, NULL, 0);
        if (made >= 0) execv(a[1], a + 1);
        fail(made < 0 ? "install a filter" : "run the command");
    }
    while (*(volatile int *)listener == -1) syscall(SYS_futex, listener, FUTEX_WAIT, -1, NULL, NULL, 0);
    if (*listener >= 0) supervise(*listener);
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) fail("wait");
    if (report) {
        FILE *file = fopen(report, "w");
        if (!file || fprintf(file, "%s\n", failed ? failed->name : "nothing") < 0 || fclose(file)) fail("report");
    }
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    signal(WTERMSIG(status), SIG_DFL);
    kill(getpid(), WTERMSIG(status));
    return 121;
}
