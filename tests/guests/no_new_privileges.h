// Shared by two programs: one for an ordinary user, one for root without privileges.
#include "filters.h"

#ifndef SECCOMP_FILTER_FLAG_TSYNC
#define SECCOMP_FILTER_FLAG_TSYNC 1
#endif

static struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
static struct sock_fprog program = {1, allow};

static void show_state(const char *who) {
    say("%s: no_new_privs %d, seccomp %d", who, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_SECCOMP));
}

static void *thread(void *name) {
    show_state(name);
    return NULL;
}

static void in_thread(const char *name) {
    pthread_t other;
    NEED(-pthread_create(&other, NULL, thread, (void *)name));
    pthread_join(other, NULL);
}

static pthread_barrier_t barrier;

static void *waits(void *name) {
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    say("%s: seccomp %d", (char *)name, prctl(PR_GET_SECCOMP));
    return NULL;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        show_state(argv[1]);
        return 0;
    }
    show_state("at first");
    CALL(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0));
    CALL(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
    if (geteuid() == 0) {
        // With enough privileges, filters don't need no_new_privs.
        pid_t child = fork();
        if (child == 0) {
            CALL(prctl(PR_SET_SECCOMP, 2, &program));
            show_state("with privileges");
            _exit(0);
        }
        reap("child", child);
        NEED(setresgid(12345, 12345, 12345));
        NEED(setresuid(12345, 12345, 12345));
    }
    CALL(prctl(PR_SET_SECCOMP, 2, &program));
    CALL(prctl(PR_SET_SECCOMP, 2, NULL));
    CALL(prctl(PR_SET_SECCOMP, 2, &(struct sock_fprog){0, allow}));
    CALL(prctl(PR_SET_SECCOMP, 2, &(struct sock_fprog){1, NULL}));
    CALL(syscall(SYS_seccomp, 1, 0, &program));
    CALL(syscall(SYS_seccomp, 1, 1 << 30, &program));
    CALL(syscall(SYS_seccomp, 1, SECCOMP_FILTER_FLAG_TSYNC, &program));
    // The same holds for Landlock.
    CALL(syscall(446, -1, 0));
    show_state("refused");

    pid_t child = vfork();
    if (child == 0) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        execl("/bin/guest", "guest", "a vfork's child's program", NULL);
        _exit(9);
    }
    reap("vfork", child);
    show_state("its parent");
    child = fork();
    if (child == 0) {
        CALL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        show_state("a child");
        in_thread("its thread");
        CALL(prctl(PR_SET_SECCOMP, 2, &program));
        show_state("with a filter");
        in_thread("its thread");
        child = fork();
        if (child == 0) {
            show_state("its child");
            execl("/bin/guest", "guest", "its child's program", NULL);
            _exit(9);
        }
        reap("its child", child);
        _exit(0);
    }
    reap("child", child);
    show_state("its parent");

    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    pthread_t other;
    pthread_barrier_init(&barrier, NULL, 2);
    for (int flags = 0; flags <= SECCOMP_FILTER_FLAG_TSYNC; flags++) {
        NEED(-pthread_create(&other, NULL, waits, flags ? "the other thread, too" : "the other thread"));
        pthread_barrier_wait(&barrier);
        child = fork();
        if (child == 0) _exit(0);
        reap("nothing", child);
        if (flags) CALL(syscall(SYS_seccomp, 1, flags, &program));
        else {
            child = vfork();
            if (child == 0) {
                prctl(PR_SET_SECCOMP, 2, &program);
                execl("/bin/guest", "guest", "a vfork's child with a filter", NULL);
                _exit(9);
            }
            reap("vfork", child);
        }
        show_state("the first thread");
        pthread_barrier_wait(&barrier);
        pthread_join(other, NULL);
    }
}
