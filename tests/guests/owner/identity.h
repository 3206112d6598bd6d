// Shared by the programs about owners and identities.

#ifndef IDENTITY_H
#define IDENTITY_H

#include "../facts.h"
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

// The test machine may be a container whose root lacks this capability.
#define LACKING (1ULL << CAP_SYS_RESOURCE)

struct capabilities {
    unsigned long long effective, permitted, inheritable;
};

__attribute__((unused)) static struct capabilities get_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    NEED(syscall(SYS_capget, &header, data));
    return (struct capabilities){
        data[0].effective | (unsigned long long)data[1].effective << 32,
        data[0].permitted | (unsigned long long)data[1].permitted << 32,
        data[0].inheritable | (unsigned long long)data[1].inheritable << 32,
    };
}

__attribute__((unused)) static long set_capabilities(struct capabilities c) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {
        {c.effective, c.permitted, c.inheritable},
        {c.effective >> 32, c.permitted >> 32, c.inheritable >> 32},
    };
    return syscall(SYS_capset, &header, data);
}

__attribute__((unused)) static unsigned long long numbered_set(int (*is_in)(int)) {
    unsigned long long set = 0;
    for (int c = 0; c <= 40; c++) if (is_in(c) == 1) set |= 1ULL << c;
    return set & ~LACKING;
}
__attribute__((unused)) static int in_bounding(int c) { return prctl(PR_CAPBSET_READ, c, 0, 0, 0); }
__attribute__((unused)) static int in_ambient(int c) { return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0); }

// Prints the ids.
__attribute__((unused)) static void ids(const char *when) {
    uid_t r, e, s;
    gid_t gr, ge, gs;
    NEED(syscall(SYS_getresuid, &r, &e, &s));
    NEED(syscall(SYS_getresgid, &gr, &ge, &gs));
    say("%s: users %d %d %d %ld, groups %d %d %d %ld", when, r, e, s, syscall(SYS_setfsuid, -1), gr, ge, gs,
        syscall(SYS_setfsgid, -1));
}

// Prints the supplementary groups.
__attribute__((unused)) static void groups(const char *when) {
    gid_t list[64];
    int n = getgroups(64, list);
    char line[1024];
    int at = snprintf(line, sizeof line, "%s: %d more groups", when, n);
    for (int i = 0; i < n; i++) at += snprintf(line + at, sizeof line - at, " %d", list[i]);
    say("%s", line);
}

// Prints the capabilities and the settings that govern them.
__attribute__((unused)) static void powers(const char *when) {
    struct capabilities c = get_capabilities();
    say("%s: effective %llx permitted %llx inheritable %llx bounding %llx ambient %llx", when,
        c.effective & ~LACKING, c.permitted & ~LACKING, c.inheritable & ~LACKING, numbered_set(in_bounding),
        numbered_set(in_ambient));
    say("%s: securebits %x keepcaps %d no_new_privs %d", when, prctl(PR_GET_SECUREBITS), prctl(PR_GET_KEEPCAPS),
        prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

__attribute__((unused)) static void everything(const char *when) {
    ids(when);
    groups(when);
    powers(when);
}

// Prints a file's owner, by lstat.
__attribute__((unused)) static void owner(const char *path) {
    struct stat s;
    if (lstat(path, &s) < 0) say("%s: %s", path, errno_name(errno));
    else say("%s: %s %04o %d:%d device %d,%d", path, type_name(s.st_mode), s.st_mode & 07777, s.st_uid, s.st_gid,
             major(s.st_rdev), minor(s.st_rdev));
}

// Makes a file with this owner and mode.
__attribute__((unused)) static void file_of(const char *path, uid_t uid, gid_t gid, mode_t mode) {
    put(path, "text\n");
    NEED(chown(path, uid, gid));
    NEED(chmod(path, mode));
}

__attribute__((unused)) static void directory_of(const char *path, uid_t uid, gid_t gid, mode_t mode) {
    NEED(mkdir(path, 0755));
    NEED(chown(path, uid, gid));
    NEED(chmod(path, mode));
}

// Makes a copy of a program with this owner and mode.
__attribute__((unused)) static void program_of(const char *from, const char *to, uid_t uid, gid_t gid, mode_t mode) {
    static char buffer[1 << 16];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    NEED(in);
    NEED(out);
    for (ssize_t n; (n = read(in, buffer, sizeof buffer)) > 0;) NEED(write(out, buffer, n));
    close(in);
    close(out);
    NEED(chown(to, uid, gid));
    NEED(chmod(to, mode));
}

// Runs the next statement in a child that has become this user, without other groups.
#define AS(uid, gid) for (bool in_child_ = child_(uid, gid); in_child_; _exit(0))

__attribute__((unused)) static bool child_(uid_t uid, gid_t gid) {
    pid_t child = fork();
    NEED(child);
    if (child > 0) {
        int status;
        NEED(waitpid(child, &status, 0));
        if (status) say("child: status %x", status);
        return false;
    }
    NEED(setgroups(0, NULL));
    NEED(setresgid(gid, gid, gid));
    NEED(setresuid(uid, uid, uid));
    return true;
}

// Runs this program again in a child, by another path and with one argument.
__attribute__((unused)) static void run(const char *path, const char *argument) {
    pid_t child = fork();
    NEED(child);
    if (child == 0) {
        execl(path, path, argument, NULL);
        say("exec %s: %s", path, errno_name(errno));
        _exit(7);
    }
    int status;
    NEED(waitpid(child, &status, 0));
    if (status) say("%s: status %x", path, status);
}

#endif
