// A filter belongs to the thread that installs it, and to threads that this thread makes; TSYNC
// gives it to all.
// syscalls: seccomp prctl
#include "../filters.h"

static pthread_barrier_t step;

static void look(const char *who) {
    say("%s: mkdir %s, access %s", who, mkdir("/data/file", 0755) < 0 ? errno_name(errno) : "0",
        access("/data/link", R_OK) < 0 ? errno_name(errno) : "0");
}

static void *heir(void *unused) {
    look("a thread of the thread");
    return unused;
}

static void *filtered(void *unused) {
    deny(SYS_mkdir, EDQUOT);
    look("the thread");
    pthread_barrier_wait(&step);
    // The other threads check.
    pthread_barrier_wait(&step);
    pthread_t thread;
    pthread_create(&thread, NULL, heir, NULL);
    pthread_join(thread, NULL);
    pthread_barrier_wait(&step);
    // The main thread tries TSYNC, which fails: this thread's filters aren't a part of the main
    // thread's.
    pthread_barrier_wait(&step);
    look("the thread");
    pid_t child = fork();
    if (child == 0) {
        look("a child of the thread");
        execl("/bin/guest", "guest", "executed", NULL);
        _exit(97);
    }
    reap("a child of the thread", child);
    return unused;
}

static void *bystander(void *unused) {
    pthread_barrier_wait(&step);
    pthread_barrier_wait(&step);
    look("the bystander");
    return unused;
}

static void *executes(void *unused) {
    deny(SYS_access, EIO);
    look("the last thread");
    execl("/bin/guest", "guest", "executed by a thread", NULL);
    return unused;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        look(argv[1]);
        return 0;
    }
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    pthread_barrier_init(&step, NULL, 2);
    pthread_t thread;
    pthread_create(&thread, NULL, filtered, NULL);
    pthread_barrier_wait(&step);
    look("the main thread");
    pthread_barrier_wait(&step);
    pthread_barrier_wait(&step);
    long diverged = answer(SYS_access, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC);
    say("TSYNC with a thread that has filters of its own: %s", diverged > 0 ? "that thread" : "done");
    look("the main thread");
    pthread_barrier_wait(&step);
    pthread_join(thread, NULL);

    pthread_create(&thread, NULL, bystander, NULL);
    pthread_barrier_wait(&step);
    say("TSYNC: %ld", answer(SYS_access, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC));
    look("the main thread");
    pthread_barrier_wait(&step);
    pthread_join(thread, NULL);

    pthread_create(&thread, NULL, executes, NULL);
    pthread_join(thread, NULL);
    return 1;
}
