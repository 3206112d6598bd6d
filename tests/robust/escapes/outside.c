// Tries every known way out of the root, and prints those that work.
//
//   outside SECRET PID SOCKET SECONDS
//
// SECRET is the host path of a file that must not be read, PID a process outside, SOCKET the name
// of an abstract socket outside. For SECONDS a thread swaps a directory for a link to `..` while
// paths through it are opened. Calls are made directly: an attacker doesn't use the C library.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *secret;
static int escapes;

static void report(const char *way) {
    printf("escaped by %s\n", way);
    escapes++;
}

// Whether the opened file is the secret, by its content.
static int is_secret(int fd) {
    char text[16] = "";
    if (fd < 0) return 0;
    int found = read(fd, text, sizeof text) >= 6 && !memcmp(text, "secret", 6);
    close(fd);
    return found;
}

static int opens(int dir, const char *path) {
    return is_secret(syscall(SYS_openat, dir, path, O_RDONLY));
}

static void by_paths(void) {
    char path[3 * PATH_MAX];
    if (opens(AT_FDCWD, secret)) report("its path");
    snprintf(path, sizeof path, "../../../../../../../../../../../..%s", secret);
    if (opens(AT_FDCWD, path)) report("..");
    for (const char **link = (const char *[]){"root", "cwd", NULL}; *link; link++) {
        snprintf(path, sizeof path, "/proc/1/%s%s", *link, secret);
        if (opens(AT_FDCWD, path)) report(path);
        snprintf(path, sizeof path, "/proc/self/%s/../../../../../..%s", *link, secret);
        if (opens(AT_FDCWD, path)) report(path);
        snprintf(path, sizeof path, "/proc/%d/%s%s", getppid(), *link, secret);
        if (opens(AT_FDCWD, path)) report("the parent's link");
    }
    symlink(secret, "link");
    if (opens(AT_FDCWD, "link")) report("a link");
}

static void by_descriptors(void) {
    char path[2 * PATH_MAX];
    for (int fd = 0; fd < 1024; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d/../../../../../..%s", fd, secret);
        if (opens(AT_FDCWD, path)) report("a descriptor's link");
        if (opens(fd, secret + 1)) report("a descriptor");
        if (syscall(SYS_fchdir, fd) == 0 && opens(AT_FDCWD, secret + 1)) report("fchdir");
    }
    chdir("/");
}

// The classic way: after chroot(2) to a directory below, the working directory is outside of the
// root.
static void by_chroot(void) {
    char path[PATH_MAX + 64] = "";
    mkdir("deeper", 0755);
    if (syscall(SYS_chroot, "deeper") == 0) {
        for (int i = 0; i < 20; i++) strcat(path, "../");
        strcat(path, secret + 1);
        if (opens(AT_FDCWD, path)) report("chroot");
    }
}

static void by_mounts(void) {
    char path[PATH_MAX + 64];
    if (syscall(SYS_unshare, 0x10000000 | 0x00020000) == 0) {
        mkdir("proc2", 0755);
        syscall(SYS_mount, "proc", "proc2", "proc", 0, "");
        snprintf(path, sizeof path, "proc2/1/root%s", secret);
        if (opens(AT_FDCWD, path)) report("a new proc");
        // Uncovers what the root is mounted on.
        syscall(SYS_umount2, "/", MNT_DETACH);
        if (opens(AT_FDCWD, secret)) report("an unmount");
    }
}

static void by_processes(int pid) {
    if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0) {
        report("ptrace");
        ptrace(PTRACE_DETACH, pid, NULL, NULL);
    }
    int fd = syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0)
        for (int other = 0; other < 64; other++)
            if (is_secret(syscall(SYS_pidfd_getfd, fd, other, 0))) report("somebody's descriptor");
}

static void by_signal(int pid) {
    if (kill(pid, 0) == 0) report("a signal");
}

static void by_socket(const char *name) {
    struct sockaddr_un address = {AF_UNIX, ""};
    strncpy(address.sun_path + 1, name, sizeof address.sun_path - 2);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (void *)&address, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)) == 0)
        report("an abstract socket");
}

static volatile int swapping = 1;

static void *swap(void *nothing) {
    while (swapping) syscall(SYS_renameat2, AT_FDCWD, "swapped", AT_FDCWD, "up", 2 /* RENAME_EXCHANGE */);
    return nothing;
}

// Resolves a path while one of its directories becomes a link upwards.
static void by_races(int seconds) {
    char path[PATH_MAX + 64];
    pthread_t thread;
    mkdir("swapped", 0755);
    mkdir("swapped/a", 0755);
    mkdir("swapped/a/b", 0755);
    symlink("../../../../../../../..", "up");
    snprintf(path, sizeof path, "swapped/a/b/../../../../../../../../../..%s", secret);
    pthread_create(&thread, NULL, swap, NULL);
    time_t end = time(NULL) + seconds;
    long tries = 0;
    for (; time(NULL) < end; tries++) {
        if (opens(AT_FDCWD, path)) {
            report("a race");
            break;
        }
        snprintf(path, sizeof path, "%s%s", tries % 2 ? "swapped" : "swapped/a/b/../../../..", secret);
    }
    swapping = 0;
    pthread_join(thread, NULL);
    printf("raced: %d\n", tries > 1000);
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    secret = argv[1];
    int pid = atoi(argv[2]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    by_paths();
    by_descriptors();
    if (atoi(argv[4])) by_races(atoi(argv[4]));
    by_processes(pid);
    if (pid) by_signal(pid);
    by_socket(argv[3]);
    by_mounts();
    by_chroot();
    printf("%d escapes\n", escapes);
}
