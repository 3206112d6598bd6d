// /proc shows the emulated identity of processes.
#include "identity.h"
#include <sys/utsname.h>

static void lines(const char *name, const char *path, int directory) {
    int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        say("%s: %s", name, errno_name(errno));
        return;
    }
    static char text[16384];
    ssize_t n = read(fd, text, sizeof text - 1);
    NEED(n);
    text[n] = 0;
    NEED(lseek(fd, 0, SEEK_SET));
    close(fd);
    unsigned long long prm = 0, eff = 1, bnd = 2;
    int others = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (!strncmp(line, "CapPrm:", 7)) prm = strtoull(line + 8, NULL, 16);
        else if (!strncmp(line, "CapEff:", 7)) eff = strtoull(line + 8, NULL, 16);
        else if (!strncmp(line, "CapBnd:", 7)) bnd = strtoull(line + 8, NULL, 16);
        else if (!strncmp(line, "Uid:", 4) || !strncmp(line, "Gid:", 4) || !strncmp(line, "Groups:", 7)
            || !strncmp(line, "CapInh:", 7) || !strncmp(line, "CapAmb:", 7) || !strncmp(line, "Max file locks", 14) || !strncmp(line, "SigBlk:", 7))
            say("%s %s", name, line);
        else others++;
    }
    say("%s has %s, %s; more lines: %d", name, eff ? "capabilities" : "none", prm == bnd ? "all" : "not all", others > 5);
}

static void owner(const char *name, const char *path) {
    struct stat s;
    if (lstat(path, &s) < 0) say("%s: %s", name, errno_name(errno));
    else say("%s belongs to %u:%u", name, s.st_uid, s.st_gid);
}

static void opens(const char *name, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    say("open %s: %s", name, errno_name(fd < 0 ? errno : 0));
    close(fd);
}

static void look(const char *who, pid_t process) {
    char path[64], name[64];
    snprintf(path, sizeof path, "/proc/%d/status", process);
    snprintf(name, sizeof name, "%s status", who);
    lines(name, path, AT_FDCWD);
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", process, process);
    snprintf(name, sizeof name, "%s thread", who);
    lines(name, path, AT_FDCWD);
    const char *files[] = {"", "/status", "/fd", "/environ", "/exe", "/task", "/ns"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "/proc/%d%s", process, files[i]);
        snprintf(name, sizeof name, "%s%s", who, files[i]);
        owner(name, path);
        if (files[i][0]) opens(name, path);
    }
    snprintf(path, sizeof path, "/proc/%d/maps", process);
    snprintf(name, sizeof name, "%s/maps", who);
    opens(name, path);
    char link[256];
    snprintf(path, sizeof path, "/proc/%d/exe", process);
    say("readlink %s exe: %s", who, errno_name(readlink(path, link, sizeof link) < 0 ? errno : 0));
}

int main(void) {
    prctl(PR_SET_DUMPABLE, 1);
    pid_t other = sleeper(33, 34, -1), root = sleeper(0, 0, -1);
    lines("self", "/proc/self/status", AT_FDCWD);
    lines("thread-self", "/proc/thread-self/status", AT_FDCWD);
    int directory = open("/proc/self", O_RDONLY | O_DIRECTORY);
    lines("at", "status", directory);
    lines("limits", "/proc/self/limits", AT_FDCWD);
    show("/proc/self/uid_map");
    show("/proc/self/gid_map");
    show("/proc/self/setgroups");
    look("another's", other);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMAX);
    NEED(sigprocmask(SIG_BLOCK, &set, NULL));
    lines("blocking", "/proc/thread-self/status", AT_FDCWD);
    struct utsname system;
    NEED(uname(&system));
    say("%s %s %s", system.sysname, system.release, system.version);
    NEED(sethostname("newroot-test", 12));
    NEED(setdomainname("example", 7));
    show("/proc/sys/kernel/hostname");
    show("/proc/sys/kernel/domainname");
    AS(33, 34) {
        lines("dropped", "/proc/self/status", AT_FDCWD);
        look("own", getpid());
        look("same user's", other);
        look("root's", root);
        opens("a list of descriptors", "/proc/self/fd");
        opens("a file of root's", "/proc/cpuinfo");
        owner("cpuinfo", "/proc/cpuinfo");
        owner("self", "/proc/self");
        show_fd("status by descriptor", openat(directory, "comm", O_RDONLY));
    }
    struct stat s;
    int fd = open("/proc/self/stat", O_RDONLY);
    NEED(fstat(fd, &s));
    say("by descriptor: %u:%u", s.st_uid, s.st_gid);
    return 0;
}
