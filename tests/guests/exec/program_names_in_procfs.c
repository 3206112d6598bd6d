// exe, comm, cmdline and environ of a process that was executed by path, link and script.
// syscalls: execve prctl
#include "../facts.h"
#include <sys/prctl.h>

static void whoami(bool with_environment) {
    char name[17] = "";
    show_link("/proc/self/exe");
    prctl(PR_GET_NAME, name);
    say("name '%s'", name);
    show("/proc/self/comm");
    char line[4096];
    static const char *const files[] = {"/proc/self/cmdline", "/proc/self/environ"};
    for (int f = 0; f < 1 + with_environment; f++) {
        int fd = open(files[f], O_RDONLY);
        ssize_t n = read(fd, line, sizeof line - 1);
        for (ssize_t i = 0; i < n - 1; i++) if (!line[i]) line[i] = '|';
        say("%s: %zd bytes: %s", files[f], n, n > 0 ? line : "");
        close(fd);
    }
}

int main(int argc, char **argv) {
    whoami(argc > 1);
    if (argc > 1) return 0;
    NEED(symlink("/bin/guest", "a-link-with-a-long-name"));
    NEED(link("/bin/guest", "hard"));
    put("script-with-long-name", "#!/bin/guest arg\n");
    NEED(chmod("script-with-long-name", 0755));
    static const char *const paths[] = {"/bin/guest", "./a-link-with-a-long-name", "hard", "./script-with-long-name", "/bound/../bin/./guest"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        pid_t child = fork();
        if (child == 0) {
            execle(paths[i], "given name", "more", NULL, (char *[]){"ONE=1", "TWO=2", NULL});
            _exit(9);
        }
        reap(paths[i], child);
    }
    NEED(prctl(PR_SET_NAME, "renamed"));
    show("/proc/self/comm");
}
