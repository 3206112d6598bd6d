// A process that executes program after program always shows the arguments of one of them.
// syscalls: execve
#include "../facts.h"

#define ROUNDS 300

static int look(pid_t pid, char *text, size_t size) {
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
    int fd = open(path, O_RDONLY);
    if (fd < 0) return -1;
    int n = read(fd, text, size - 1);
    close(fd);
    text[n < 0 ? 0 : n] = 0;
    return n;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        int round = atoi(argv[1]);
        if (round == ROUNDS) return 7;
        char number[12];
        snprintf(number, sizeof number, "%d", round + 1);
        execl("/bin/guest", round % 2 ? "guest" : "other name", number, NULL);
        return 97;
    }
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/guest", "guest", "0", NULL);
        _exit(97);
    }
    char text[256];
    int strange = 0, looks = 0, status = 0;
    // During an exec the file is empty.
    while (waitpid(child, &status, WNOHANG) == 0) {
        int n = look(child, text, sizeof text);
        if (n <= 0) continue;
        looks++;
        // At first the child is a copy of its parent.
        bool known = !strcmp(text, argv[0]) || !strcmp(text, "guest") || !strcmp(text, "other name");
        if (!known && !strange++) say("strange: %s", text);
    }
    say("looked: %s, strange: %d, exited with %d", looks ? "yes" : "no", strange, WEXITSTATUS(status));
}
