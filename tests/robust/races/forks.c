// Storms of 64 processes, each of which forks, stats files and executes a program; then the same
// with a limit that allows only a few more processes. Every process within the limit must work.
#include "race.h"

static void check_files(int number) {
    char name[32];
    struct stat st;
    snprintf(name, sizeof name, "/work/%d", number);
    put(name, "mine");
    if (stat(name, &st) < 0 || st.st_size != 4) _exit(20);
    if (access("/work/missing", F_OK) == 0 || errno != ENOENT) _exit(21);
    if (unlink(name) < 0) _exit(22);
}

static void child(int number, bool few) {
    check_files(number);
    pid_t grandchild = fork();
    if (grandchild == 0) {
        execl("/bin/race", "race", "7", (char *)NULL);
        _exit(23);
    }
    if (grandchild < 0) _exit(few && errno == EAGAIN ? 0 : 24);
    _exit(ended(grandchild) == 7 ? 0 : 25);
}

// Returns the number of processes.
static long storm(bool few) {
    pid_t children[64];
    long made = 0;
    for (int i = 0; i < 64; i++) {
        children[i] = fork();
        if (children[i] == 0) child(i, few);
        if (children[i] < 0 && !(few && errno == EAGAIN)) WRONG("fork: %s", errno_name(errno));
        made += children[i] > 0;
    }
    for (int i = 0; i < 64; i++) {
        int end = children[i] > 0 ? ended(children[i]) : 0;
        if (end) WRONG("%s: a process ended with %d", few ? "few" : "many", end);
    }
    return made;
}

int main(int argc, char **argv) {
    if (!strcmp(argv[1], "7")) {
        struct stat st;
        _exit(stat("/bin/race", &st) == 0 ? 7 : 8);
    }
    double seconds = atof(argv[1]);
    long many = 0, few = 0;
    ends_at = now() + seconds / 2;
    while (goes_on()) many += storm(false);
    // The smallest limit that allows a process, and some more: other processes of the same user
    // come and go.
    struct rlimit limit;
    getrlimit(RLIMIT_NPROC, &limit);
    for (rlim_t most = limit.rlim_max < 4096 ? limit.rlim_max : 4096, n = 1; n < most; n++) {
        limit.rlim_cur = n;
        NEED(setrlimit(RLIMIT_NPROC, &limit));
        pid_t pid = fork();
        if (pid == 0) _exit(0);
        if (pid > 0) {
            ended(pid);
            break;
        }
    }
    limit.rlim_cur += 12;
    setrlimit(RLIMIT_NPROC, &limit);
    ends_at = now() + seconds / 2;
    while (goes_on()) {
        long made = storm(true);
        few += made;
        // Others of the same user have taken all that the limit allows.
        if (!made) limit.rlim_cur++, setrlimit(RLIMIT_NPROC, &limit);
    }
    if (!many || !few) WRONG("nothing was made");
    fprintf(stderr, "%ld processes, and %ld among few\n", many, few);
    say("%ld wrong", wrongs);
}
