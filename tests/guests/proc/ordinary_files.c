// The rest of /proc is the kernel's own.
// syscalls: openat readlink access
#include "../facts.h"

static void field(const char *path, const char *name) {
    static char line[4096];
    FILE *f = fopen(path, "r");
    if (!f) {
        say("%s: %s", path, errno_name(errno));
        return;
    }
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name))) {
            line[strcspn(line, "\n")] = 0;
            say("%s", line);
        }
    fclose(f);
}

int main(void) {
    char pid[20];
    field("/proc/self/status", "Name");
    field("/proc/self/status", "State");
    field("/proc/self/status", "Threads");
    field("/proc/self/status", "Uid");
    field("/proc/self/status", "SigBlk");
    field("/proc/self/limits", "Max open files");
    snprintf(pid, sizeof pid, "%d", getpid());
    char target[20] = "";
    NEED(readlink("/proc/self", target, sizeof target));
    say("self is us: %d", !strcmp(pid, target));
    snprintf(pid, sizeof pid, "%d/task/%d", getpid(), gettid());
    memset(target, 0, sizeof target);
    CALL(readlink("/proc/thread-self", target, sizeof target) > 0);
    char stat[400];
    int fd = open("/proc/self/stat", O_RDONLY);
    NEED(read(fd, stat, sizeof stat));
    say("stat is ours: %d, name %.7s", atoi(stat) == getpid(), strchr(stat, '('));
    CALL(access("/proc/self/mountinfo", R_OK));
    CALL(access("/proc/sys/kernel/ostype", R_OK));
    show("/proc/sys/kernel/ostype");
    CALL(open("/proc/sys/kernel/hostname", O_WRONLY));
    CALL(open("/proc/self/mem", O_RDONLY) >= 0);
    CALL(mkdir("/proc/x", 0755));
    CALL(open("/proc/x", O_RDWR | O_CREAT, 0644));
    CALL(unlink("/proc/self/status"));
    CALL(rename("/proc/self/status", "/here/x"));
    CALL(chdir("/proc/self/task"));
    CALL(access("../status", R_OK));
    CALL(access("../../data", F_OK));
    CALL(access("../../../data", F_OK));
}
