// Runs a command in a world made for it by the real kernel. The oracle enters a real
// chroot with real bind mounts; the environment tests take something away from the host.
//
//   enter [STEP]... -- COMMAND [ARG]...
//
// Steps are carried out in the order given:
//
//   --mounts             private mounts and host name (and, without root, a user namespace)
//   --bind HOST PLACE    mount HOST on PLACE, with everything below it
//   --bind-ro HOST PLACE    … read-only
//   --bind-noexec HOST PLACE    … and nothing in it can be executed
//   --bind-nosymfollow HOST PLACE    … and no link in it is followed
//   --tmpfs OPTIONS PLACE    an empty tmpfs on PLACE
//   --root DIR           chroot(2) to DIR
//   --cwd DIR
//   --user UID GID [GROUP,...|-]
//   --limit NAME VALUE   an rlimit: as, nofile, nproc, stack, fsize
//   --deny CALL=ERRNO    a filter answers ERRNO to a system call; see `features` below
//
// Whatever it was given, the command starts with umask 022, no core dumps, default signals
// and no descriptor above 2.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

static void fail(const char *what, const char *which) {
    fprintf(stderr, "enter: cannot %s '%s': %s\n", what, which, strerror(errno));
    exit(125);
}

static void write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) fail("write", path);
    close(fd);
}

// A mount namespace whose mounts nobody else sees. Without root a user namespace comes
// first, in which we stay the same user.
static void mounts(void) {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (uid != 0) {
        char map[64];
        if (unshare(CLONE_NEWUSER) < 0) fail("make", "a user namespace");
        write_file("/proc/self/setgroups", "deny");
        snprintf(map, sizeof map, "%u %u 1", uid, uid);
        write_file("/proc/self/uid_map", map);
        snprintf(map, sizeof map, "%u %u 1", gid, gid);
        write_file("/proc/self/gid_map", map);
    }
    if (unshare(CLONE_NEWNS | CLONE_NEWUTS) < 0) fail("make", "a namespace for mounts");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail("make private", "/");
}

static void bind_mount(const char *host, const char *place, unsigned long flags) {
    if (mount(host, place, NULL, MS_BIND | MS_REC, NULL) < 0) fail("bind on", place);
    if (flags) {
        // A user namespace may not drop flags that the mount came with: repeat them.
        struct statvfs now;
        if (statvfs(place, &now) < 0) fail("look at", place);
        flags |= now.f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY | MS_NOATIME | MS_NODIRATIME);
        if (mount(NULL, place, NULL, MS_BIND | MS_REMOUNT | flags, NULL) < 0) fail("remount", place);
    }
}

// Becoming an ordinary user gives up every capability. Where we already are one (in a
// user namespace), the coming exec does.
static void become(const char *uid, const char *gid, const char *groups) {
    gid_t list[64];
    size_t count = 0;
    if (geteuid() != 0) return;
    if (strcmp(groups, "-") != 0)
        for (char *end; *groups && count < 64; groups = *end ? end + 1 : end)
            list[count++] = strtoul(groups, &end, 10);
    if (setgroups(count, list) < 0) fail("set", "groups");
    gid_t g = strtoul(gid, NULL, 10);
    uid_t u = strtoul(uid, NULL, 10);
    if (setresgid(g, g, g) < 0) fail("become group", gid);
    if (setresuid(u, u, u) < 0) fail("become user", uid);
}

static void limit(const char *name, const char *value) {
    int which = !strcmp(name, "as") ? RLIMIT_AS : !strcmp(name, "nofile") ? RLIMIT_NOFILE
        : !strcmp(name, "nproc") ? RLIMIT_NPROC : !strcmp(name, "stack") ? RLIMIT_STACK
        : !strcmp(name, "fsize") ? RLIMIT_FSIZE : -1;
    rlim_t v = strtoull(value, NULL, 10);
    errno = EINVAL;
    if (which < 0 || setrlimit(which, &(struct rlimit){v, v}) < 0) fail("limit", name);
}

// What --deny can take away. A feature is one call, or one use of it: `mask` chooses the
// bits of argument `arg` that are compared with `value` (any of them when value is 0).
static const struct feature {
    const char *name;
    unsigned nr, arg, mask, value;
} features[] = {
    {"clone3", SYS_clone3},
    {"chdir", SYS_chdir},
    {"chroot", SYS_chroot},
    {"close_range", SYS_close_range},
    {"epoll_pwait2", 441},
    {"faccessat2", 439},
    {"fchmodat2", 452},
    {"fsmount", SYS_fsmount},
    {"fsopen", SYS_fsopen},
    {"landlock_create_ruleset", 444},
    {"linkat_by_descriptor", SYS_linkat, 4, AT_EMPTY_PATH, 0},
    {"memfd_create", SYS_memfd_create},
    {"mkdir", SYS_mkdir},
    {"link", SYS_link},
    {"linkat", SYS_linkat},
    {"mmap_writable_code", SYS_mmap, 2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC},
    {"mprotect_writable_code", SYS_mprotect, 2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC},
    {"mount", SYS_mount},
    {"mount_setattr", 442},
    {"move_mount", SYS_move_mount},
    {"open_tree", SYS_open_tree},
    {"openat2", SYS_openat2},
    {"pivot_root", SYS_pivot_root},
    {"prctl_set_mm", SYS_prctl, 0, ~0u, PR_SET_MM},
    {"prctl_set_seccomp", SYS_prctl, 0, ~0u, PR_SET_SECCOMP},
    {"process_vm_readv", SYS_process_vm_readv},
    {"process_vm_writev", SYS_process_vm_writev},
    {"procmap_query", SYS_ioctl, 1, ~0u, 0xc0686611},
    {"ptrace", SYS_ptrace},
    {"renameat2", SYS_renameat2},
    {"rseq", SYS_rseq},
    {"seccomp", SYS_seccomp},
    {"setns", SYS_setns},
    {"setgroups", SYS_setgroups},
    {"sethostname", SYS_sethostname},
    {"setresgid", SYS_setresgid},
    {"setresuid", SYS_setresuid},
    {"setxattrat", 463},
    {"statx", SYS_statx},
    {"umount2", SYS_umount2},
    {"user_clone", SYS_clone, 0, CLONE_NEWUSER, 0},
    {"unshare", SYS_unshare},
    {"user_unshare", SYS_unshare, 0, CLONE_NEWUSER, 0},
};

static struct sock_filter denial[256];
static unsigned denial_length;

static void emit(unsigned code, unsigned k, unsigned yes, unsigned no) {
    denial[denial_length++] = (struct sock_filter){code, yes, no, k};
}

static void deny(const char *rule) {
    static const struct { const char *name; int number; } errnos[] = {
        {"EACCES", EACCES}, {"EINVAL", EINVAL}, {"ENOENT", ENOENT}, {"ENOSPC", ENOSPC}, {"ENOSYS", ENOSYS},
        {"ENOTTY", ENOTTY}, {"EPERM", EPERM},
    };
    const char *equals = strchr(rule, '=');
    const struct feature *f = NULL;
    int number = 0;
    for (size_t i = 0; equals && i < sizeof features / sizeof *features; i++)
        if (!strncmp(features[i].name, rule, equals - rule) && !features[i].name[equals - rule]) f = &features[i];
    for (size_t i = 0; equals && i < sizeof errnos / sizeof *errnos; i++)
        if (!strcmp(errnos[i].name, equals + 1)) number = errnos[i].number;
    errno = EINVAL;
    if (!f || !number || denial_length > 200) fail("deny", rule);

    emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
    emit(BPF_JMP | BPF_JEQ | BPF_K, f->nr, 0, f->mask ? 4 : 1);
    if (f->mask) {
        emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * f->arg, 0, 0);
        emit(BPF_ALU | BPF_AND | BPF_K, f->mask, 0, 0);
        emit(BPF_JMP | BPF_JEQ | BPF_K, f->value, f->value ? 0 : 1, f->value ? 1 : 0);
    }
    emit(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number, 0, 0);
}

// One filter for every --deny, put in place at the end: a denied seccomp(2) must not deny this one.
// An ordinary user may install it only with no_new_privs; root is to be root as ever.
static void install_denial(void) {
    if (!denial_length) return;
    emit(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
    struct sock_fprog program = {denial_length, denial};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0) return;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) fail("set", "no_new_privs");
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) fail("install", "a filter");
}

int main(int argc, char **argv) {
    umask(022);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    for (int s = 1; s < 65; s++) signal(s, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int fd = 3; fd < 1024; fd++) close(fd);

    char **a = argv + 1;
    for (; a[0] && strcmp(a[0], "--") != 0; a++) {
        const char *step = a[0];
        int takes = !strcmp(step, "--mounts") ? 0
            : !strcmp(step, "--root") || !strcmp(step, "--cwd") || !strcmp(step, "--deny") ? 1
            : !strcmp(step, "--user") ? 3 : 2;
        errno = EINVAL;
        for (int i = 1; i <= takes; i++) if (!a[i]) fail("carry out", step);
        if (!strcmp(step, "--mounts")) mounts();
        else if (!strcmp(step, "--bind")) bind_mount(a[1], a[2], 0);
        else if (!strcmp(step, "--bind-ro")) bind_mount(a[1], a[2], MS_RDONLY);
        else if (!strcmp(step, "--bind-nosymfollow")) bind_mount(a[1], a[2], 256 /* MS_NOSYMFOLLOW */);
        else if (!strcmp(step, "--bind-noexec")) bind_mount(a[1], a[2], MS_NOEXEC);
        else if (!strcmp(step, "--tmpfs")) {
            if (mount("none", a[2], "tmpfs", 0, a[1]) < 0) fail("mount a tmpfs on", a[2]);
        } else if (!strcmp(step, "--root")) {
            if (chroot(a[1]) < 0 || chdir("/") < 0) fail("enter", a[1]);
        } else if (!strcmp(step, "--cwd")) {
            if (chdir(a[1]) < 0) fail("start in", a[1]);
        } else if (!strcmp(step, "--user")) become(a[1], a[2], a[3]);
        else if (!strcmp(step, "--limit")) limit(a[1], a[2]);
        else if (!strcmp(step, "--deny")) deny(a[1]);
        else fail("understand", step);
        a += takes;
    }
    errno = EINVAL;
    if (!a[0] || !a[1]) fail("find", "a command");
    install_denial();
    execv(a[1], a + 1);
    fail("run", a[1]);
}
