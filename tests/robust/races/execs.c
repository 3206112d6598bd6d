// Threads execute programs while other threads of the process execute, open, stat and fork. The
// first exec that gets through ends them all, wherever they are (de_thread() in fs/exec.c). Its
// program runs as usual, with nothing left of the other threads, and a thread that ended during a
// lookup disturbs no other process.
#include "race.h"

enum { EXECUTE = 4, OTHERS = 6 };

static pthread_barrier_t all_there;

static void *execute(void *number) {
    static const char *const programs[] = {"/link/program", "/bin/race", "/work/../link/program", "/work/script"};
    pthread_barrier_wait(&all_there);
    // Not all at the same moment.
    for (volatile int i = 0; i < (long)number * 3000; i++) {}
    execl(programs[(long)number % 4], "race", "7", (char *)NULL);
    // While another thread's exec is under way, the kernel lets this one fail with EAGAIN: it is
    // about to die.
    if (errno != EAGAIN) _exit(20);
    for (;;) pause();
}

static void *disturb(void *number) {
    struct stat st;
    char name[32];
    pthread_barrier_wait(&all_there);
    for (unsigned i = 0;; i++) {
        switch (((long)number + i) % 5) {
        case 0: {
            int fd = open("/link/file", O_RDONLY | O_CLOEXEC);
            if (fd < 0 || !holds(fd, "text")) _exit(21);
            close(fd);
            break;
        }
        case 1:
            if (stat("/work/../link/./file", &st) < 0) _exit(22);
            break;
        case 2:
            snprintf(name, sizeof name, "/link/t%d-%ld", getpid(), (long)number);
            close(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
            if (unlink(name) < 0) _exit(23);
            break;
        case 3: {
            pid_t pid = vfork();
            if (pid == 0) {
                execl("/link/program", "race", "8", (char *)NULL);
                _exit(24);
            }
            if (pid < 0 || ended(pid) != 8) _exit(25);
            break;
        }
        default:
            if (readlink("/link", name, sizeof name) != 4) _exit(26);
        }
    }
    return NULL;
}

// A process with many threads becomes another program, which ends with 7 if it is whole.
static void many(void) {
    pthread_t thread;
    pthread_barrier_init(&all_there, NULL, EXECUTE + OTHERS);
    for (long i = 0; i < OTHERS; i++)
        if (pthread_create(&thread, NULL, disturb, (void *)i)) _exit(27);
    for (long i = 1; i < EXECUTE; i++)
        if (pthread_create(&thread, NULL, execute, (void *)i)) _exit(27);
    execute(0);
}

// The executed program.
static int after(void) {
    struct stat st;
    for (int fd = 3; fd < 64; fd++)
        if (fcntl(fd, F_GETFD) >= 0) return 30;
    if (stat("/link/file", &st) < 0) return 31;
    // Whichever thread executed it is the first thread now.
    return syscall(SYS_gettid) == getpid() ? 7 : 32;
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "7")) return after();
    if (argc > 1 && !strcmp(argv[1], "8")) return 8;
    begin(argv);
    NEED(symlink("work", "/link"));
    put("/work/file", "text");
    NEED(link("/bin/race", "/work/program"));
    put("/work/script", "#!/link/program 7\n");
    NEED(chmod("/work/script", 0755));
    long rounds = 0;
    while (goes_on()) {
        pid_t pids[4];
        for (int i = 0; i < 4; i++) {
            pids[i] = fork();
            NEED(pids[i]);
            if (pids[i] == 0) many();
        }
        for (int i = 0; i < 4; i++) {
            int end = ended(pids[i]);
            if (end != 7) WRONG("a process of many threads ended with %d", end);
            rounds++;
        }
    }
    fprintf(stderr, "%ld processes executed something\n", rounds);
    say("%ld wrong", wrongs);
}
