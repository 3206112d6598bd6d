// A program that was unlinked, or whose directory is gone, still runs by its descriptor.
// syscalls: execveat
#include "../facts.h"

int main(int argc, char **argv) {
    if (argc > 1) {
        show_link("/proc/self/exe");
        return 0;
    }
    NEED(mkdir("d", 0755));
    NEED(link("/bin/guest", "d/copy"));
    int fd = open("d/copy", O_RDONLY | O_CLOEXEC);
    NEED(unlink("d/copy"));
    NEED(rmdir("d"));
    pid_t child = fork();
    if (child == 0) {
        syscall(SYS_execveat, fd, "", (char *[]){"copy", "again", NULL}, NULL, AT_EMPTY_PATH);
        say("%s", errno_name(errno));
        _exit(9);
    }
    reap("unlinked", child);
    NEED(link("/bin/guest", "copy"));
    child = fork();
    if (child == 0) {
        NEED(unlink("copy"));
        execl("/proc/self/exe", "exe", "again", NULL);
        say("%s", errno_name(errno));
        _exit(9);
    }
    reap("exe link", child);
}
