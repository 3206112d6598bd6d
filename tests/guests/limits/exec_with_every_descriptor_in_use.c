// An exec needs no descriptor: it works with all of them in use, and leaves them as they were.
// link: static dynamic
// syscalls: execve execveat
#include "../facts.h"

static int children;

static void on_child(int signal) {
    (void)signal;
    children++;
}

static void fill(int flags) {
    while (open("/data/link", O_RDONLY | flags) >= 0);
    say("all in use: %s", errno_name(errno));
}

static void descriptors(void) {
    int open_ones = 0;
    for (int fd = 0; fd < 16; fd++) open_ones += fcntl(fd, F_GETFD) >= 0;
    say("%d descriptors", open_ones);
}

static void *in_thread(void *name) {
    execl("/bin/guest", "guest", name, NULL);
    return name;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        say("-- executed: %s", argv[1]);
        descriptors();
        show("/bound/abs");
        return 3;
    }
    put("script", "#!/bin/guest script with an argument\n");
    NEED(chmod("script", 0755));
    put("nested", "#!/here/script\n");
    NEED(chmod("nested", 0755));
    put("lost", "#!/no/such/interpreter\n");
    NEED(chmod("lost", 0755));
    int program = open("/bin/report", O_PATH | O_CLOEXEC);
    NEED(setrlimit(RLIMIT_NOFILE, &(struct rlimit){16, 16}));
    on_signal(SIGCHLD, on_child, 0);
    fill(O_CLOEXEC);
    descriptors();

    // Files that can't be executed; the attempts leave no trace.
    CALL(execl("/bin/missing", "x", NULL));
    CALL(execl("/data", "x", NULL));
    CALL(execl("/data/file", "x", NULL));
    CALL(execl("/here/lost", "x", NULL));
    CALL(execl("/bin/report/x", "x", NULL));
    CALL(waitpid(-1, NULL, WNOHANG | __WALL));
    say("%d signals", children);
    descriptors();

    static const char *const paths[] = {"/bin/guest", "/here/script", "nested", "/bin/report"};
    for (int i = 0; i < 4; i++) {
        pid_t child = fork();
        if (child == 0) {
            execl(paths[i], "guest", "given", NULL);
            say("%s: %s", paths[i], errno_name(errno));
            _exit(9);
        }
        reap(paths[i], child);
    }
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/guest", "guest", "in a vfork child", NULL);
        _exit(9);
    }
    reap("vfork child", child);
    child = fork();
    if (child == 0) {
        syscall(SYS_execveat, program, "", (char *[]){"report", "by descriptor", NULL}, NULL, AT_EMPTY_PATH);
        _exit(9);
    }
    reap("by descriptor", child);
    descriptors();
    pthread_t thread;
    pthread_create(&thread, NULL, in_thread, "by a thread");
    pthread_join(thread, NULL);
}
