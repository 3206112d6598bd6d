// Processes of a session are killed at any moment, and others take their place: that disturbs no
// other process.
#include "race.h"

enum { WORKERS = 16 };

static void work(int number) {
    char name[32], other[32];
    snprintf(name, sizeof name, "/work/w%d", number);
    snprintf(other, sizeof other, "/link/v%d", number);
    for (;;) {
        int fd = open(name, O_RDWR | O_CREAT, 0644);
        if (fd < 0) _exit(20);
        close(fd);
        if (rename(name, other) < 0) _exit(21);
        if (unlink(other) < 0) _exit(22);
        pid_t pid = fork();
        if (pid == 0) execl("/bin/race", "race", "7", (char *)NULL), _exit(23);
        if (pid < 0 || ended(pid) != 7) _exit(24);
    }
}

static pid_t start(int number) {
    pid_t pid = fork();
    if (pid == 0) work(number);
    NEED(pid);
    return pid;
}

int main(int argc, char **argv) {
    struct stat st;
    if (!strcmp(argv[1], "7")) return stat("/link", &st) == 0 ? 7 : 8;
    begin(argv);
    NEED(symlink("work", "/link"));
    put("/work/file", "text");
    pid_t workers[WORKERS];
    long killed = 0;
    for (int i = 0; i < WORKERS; i++) workers[i] = start(i);
    srand(argc > 2 ? atoi(argv[2]) : 1);
    while (goes_on()) {
        int i = rand() % WORKERS;
        usleep(rand() % 2000);
        kill(workers[i], SIGKILL);
        int end = ended(workers[i]);
        if (end != 128 + SIGKILL) WRONG("a worker ended with %d", end);
        workers[i] = start(i);
        killed++;
        int fd = open("/link/file", O_RDONLY);
        if (fd < 0 || !holds(fd, "text")) WRONG("open: %s", errno_name(errno));
        close(fd);
        if (stat("/work/file", &st) < 0) WRONG("stat: %s", errno_name(errno));
        pid_t pid = fork();
        if (pid == 0) execl("/bin/race", "race", "7", (char *)NULL), _exit(23);
        if ((end = ended(pid)) != 7) WRONG("a program ended with %d", end);
    }
    for (int i = 0; i < WORKERS; i++) {
        kill(workers[i], SIGKILL);
        int end = ended(workers[i]);
        if (end != 128 + SIGKILL) WRONG("a worker ended with %d", end);
    }
    fprintf(stderr, "%ld killed\n", killed);
    say("%ld wrong", wrongs);
}
