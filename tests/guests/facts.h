// Output of the guest programs. Everything is written directly to descriptor 1, so that fork,
// threads and sudden death neither lose nor repeat a line.

#ifndef FACTS_H
#define FACTS_H

#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Prints one line.
__attribute__((format(printf, 1, 2), unused)) static void say(const char *format, ...) {
    char line[8192];
    va_list rest;
    va_start(rest, format);
    int n = vsnprintf(line, sizeof line - 1, format, rest);
    va_end(rest);
    if (n > (int)sizeof line - 2) n = sizeof line - 2;
    line[n++] = '\n';
    if (write(1, line, n) != n) _exit(99);
}

// Whether a process or a thread sleeps in a system call.
__attribute__((unused)) static bool sleeps(int thread) {
    char path[64], text[512] = "";
    sprintf(path, "/proc/%d/stat", thread);
    int file = open(path, O_RDONLY);
    ssize_t len = read(file, text, sizeof text - 1);
    close(file);
    char *end = len > 0 ? strrchr(text, ')') : NULL;
    return end && end[2] == 'S';
}

__attribute__((unused)) static const char *errno_name(int e) {
    static const char *const names[] = {
        [0] = "0", [EPERM] = "EPERM", [ENOENT] = "ENOENT", [ESRCH] = "ESRCH", [EINTR] = "EINTR",
        [EIO] = "EIO", [ENXIO] = "ENXIO", [E2BIG] = "E2BIG", [ENOEXEC] = "ENOEXEC", [EBADF] = "EBADF",
        [ECHILD] = "ECHILD", [EAGAIN] = "EAGAIN", [ENOMEM] = "ENOMEM", [EACCES] = "EACCES",
        [EFAULT] = "EFAULT", [ENOTBLK] = "ENOTBLK", [EBUSY] = "EBUSY", [EEXIST] = "EEXIST",
        [EXDEV] = "EXDEV", [ENODEV] = "ENODEV", [ENOTDIR] = "ENOTDIR", [EISDIR] = "EISDIR",
        [EINVAL] = "EINVAL", [ENFILE] = "ENFILE", [EMFILE] = "EMFILE", [ENOTTY] = "ENOTTY",
        [ETXTBSY] = "ETXTBSY", [EFBIG] = "EFBIG", [ENOSPC] = "ENOSPC", [ESPIPE] = "ESPIPE",
        [EROFS] = "EROFS", [EMLINK] = "EMLINK", [EPIPE] = "EPIPE", [ERANGE] = "ERANGE",
        [EDEADLK] = "EDEADLK", [ENAMETOOLONG] = "ENAMETOOLONG", [ENOSYS] = "ENOSYS",
        [ENOTEMPTY] = "ENOTEMPTY", [ELOOP] = "ELOOP", [ENODATA] = "ENODATA", [ETIME] = "ETIME",
        [EOVERFLOW] = "EOVERFLOW", [EBADFD] = "EBADFD", [ENOTSOCK] = "ENOTSOCK",
        [EDESTADDRREQ] = "EDESTADDRREQ", [EPROTOTYPE] = "EPROTOTYPE", [EOPNOTSUPP] = "EOPNOTSUPP",
        [EAFNOSUPPORT] = "EAFNOSUPPORT", [EADDRINUSE] = "EADDRINUSE", [EADDRNOTAVAIL] = "EADDRNOTAVAIL",
        [ECONNRESET] = "ECONNRESET", [EISCONN] = "EISCONN", [ENOTCONN] = "ENOTCONN",
        [ETIMEDOUT] = "ETIMEDOUT", [ECONNREFUSED] = "ECONNREFUSED", [EALREADY] = "EALREADY",
        [EINPROGRESS] = "EINPROGRESS", [ESTALE] = "ESTALE", [EDQUOT] = "EDQUOT",
    };
    static char number[16];
    if (e >= 0 && e < (int)(sizeof names / sizeof *names) && names[e]) return names[e];
    snprintf(number, sizeof number, "errno %d", e);
    return number;
}

__attribute__((unused)) static long call_(const char *text, long result) {
    int e = errno;
    if (result == -1) say("%s: %s", text, errno_name(e));
    else say("%s = %ld", text, result);
    errno = e;
    return result;
}

// Prints a call as it is written here, and its result or the name of its error.
#define CALL(expression) call_(#expression, (long)(expression))

// Ends the program when a step fails that the test needs but doesn't test.
#define NEED(expression) \
    do { \
        if ((long)(expression) == -1) { \
            say("cannot %s: %s", #expression, errno_name(errno)); \
            _exit(98); \
        } \
    } while (0)

// Makes a file with this text in it.
__attribute__((unused)) static void put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    NEED(fd);
    NEED(write(fd, text, strlen(text)));
    close(fd);
}

// Prints the content that a descriptor reads, as one line.
__attribute__((unused)) static void show_fd(const char *name, int fd) {
    char text[4096];
    ssize_t n = read(fd, text, sizeof text - 1);
    if (n < 0) {
        say("read %s: %s", name, errno_name(errno));
        return;
    }
    text[n] = 0;
    for (char *p = text; *p; p++) if (*p == '\n') *p = '|';
    say("%s holds \"%s\"", name, text);
}

// Prints a file's content.
__attribute__((unused)) static void show(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        say("open %s: %s", path, errno_name(errno));
        return;
    }
    show_fd(path, fd);
    close(fd);
}

// Prints the target of a symbolic link.
__attribute__((unused)) static void show_link(const char *path) {
    char target[PATH_MAX + 1];
    ssize_t n = readlink(path, target, PATH_MAX);
    if (n < 0) say("readlink %s: %s", path, errno_name(errno));
    else say("%s -> %.*s", path, (int)n, target);
}

__attribute__((unused)) static const char *type_name(mode_t mode) {
    return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "directory" : S_ISLNK(mode) ? "link"
        : S_ISFIFO(mode) ? "fifo" : S_ISSOCK(mode) ? "socket" : S_ISCHR(mode) ? "character device"
        : S_ISBLK(mode) ? "block device" : "unknown";
}

__attribute__((unused)) static void show_stat_(const char *path, int flags) {
    struct stat s;
    const char *call = flags & AT_SYMLINK_NOFOLLOW ? "lstat" : "stat";
    if (fstatat(AT_FDCWD, path, &s, flags) < 0) say("%s %s: %s", call, path, errno_name(errno));
    else if (S_ISDIR(s.st_mode)) say("%s %s: directory %04o", call, path, s.st_mode & 07777);
    else say("%s %s: %s %04o, %ld bytes, %ld links", call, path, type_name(s.st_mode),
             s.st_mode & 07777, (long)s.st_size, (long)s.st_nlink);
}

// Print type, mode, size and link count of a path's file, or of the link itself.
__attribute__((unused)) static void show_stat(const char *path) { show_stat_(path, 0); }
__attribute__((unused)) static void show_lstat(const char *path) { show_stat_(path, AT_SYMLINK_NOFOLLOW); }

// Prints the names in a directory, sorted.
__attribute__((unused)) static void list(const char *path) {
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort);
    if (n < 0) {
        say("list %s: %s", path, errno_name(errno));
        return;
    }
    char line[4096] = "";
    for (int i = 0; i < n; i++) {
        strcat(strcat(line, " "), names[i]->d_name);
        free(names[i]);
    }
    free(names);
    say("%s lists%s", path, line);
}

// Waits for a child and prints how it ended.
__attribute__((unused)) static void reap(const char *name, pid_t child) {
    int status;
    if (waitpid(child, &status, 0) < 0) say("%s: wait: %s", name, errno_name(errno));
    else if (WIFEXITED(status)) say("%s exited with %d", name, WEXITSTATUS(status));
    else if (WIFSIGNALED(status)) say("%s killed by signal %d", name, WTERMSIG(status));
    else say("%s: status %x", name, status);
}

// Installs a handler.
__attribute__((unused)) static void on_signal(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    NEED(sigaction(signal, &action, NULL));
}

#endif
