// Measures the cost of single system calls that name a file, and of a process.
//
//   calls [PART]     prints "NAME NANOSECONDS" for each, in the current directory; makes 1/PART of
//                    the calls
//   calls sleep      prints its process number and sleeps until it is killed

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

// Four components, as deep as a distribution's files.
#define DEEP "/usr/share/common-licenses/GPL-3"
#define LINK "/usr/bin/awk"

static void must(int good, const char *what) {
    if (!good) {
        fprintf(stderr, "calls: %s: %s\n", what, strerror(errno));
        exit(1);
    }
}

static void do_stat(void) {
    struct stat facts;
    must(stat(DEEP, &facts) == 0, "stat");
}

static void do_missing(void) {
    struct stat facts;
    must(stat("/usr/share/common-licenses/missing", &facts) < 0 && errno == ENOENT, "missing stat");
}

static void do_open(void) {
    int fd = open(DEEP, O_RDONLY | O_CLOEXEC);
    must(fd >= 0 && close(fd) == 0, "open");
}

static void do_relative(void) {
    struct stat facts;
    must(stat("calls", &facts) == 0, "relative stat");
}

static void do_readlink(void) {
    char target[PATH_MAX];
    must(readlink(LINK, target, sizeof target) > 0, "readlink");
}

static void do_getcwd(void) {
    char path[PATH_MAX];
    must(getcwd(path, sizeof path) != NULL, "getcwd");
}

static void await(pid_t child) {
    int status;
    must(waitpid(child, &status, 0) == child && status == 0, "wait");
}

static void do_fork(void) {
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        _exit(0);
    }
    await(child);
}

static void do_spawn(void) {
    pid_t child;
    char *arguments[] = {"true", NULL};
    errno = posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ);
    must(errno == 0, "spawn");
    await(child);
}

static const struct {
    const char *name;
    void (*call)(void);
    int times;
} CALLS[] = {
    {"stat", do_stat, 20000},        {"stat-relative", do_relative, 20000},
    {"stat-ENOENT", do_missing, 20000}, {"open+close", do_open, 20000},
    {"readlink", do_readlink, 20000},   {"getcwd", do_getcwd, 20000},
    {"fork+wait", do_fork, 300},        {"spawn+wait", do_spawn, 150},
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "sleep")) {
        printf("%d\n", (int)getpid());
        fflush(stdout);
        for (;;) {
            pause();
        }
    }
    int part = argc > 1 ? atoi(argv[1]) : 1;
    must(part > 0, argv[1]);
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
        CALLS[i].call();
        int times = CALLS[i].times / part;
        double start = now();
        for (int n = 0; n < times; n++) {
            CALLS[i].call();
        }
        printf("%s %.0f\n", CALLS[i].name, (now() - start) / times);
    }
    return 0;
}
