// Processes that change their identity all the time, in threads and after fork and vfork, and that
// are killed meanwhile. Each process keeps its own identity, and there is space for identities to
// the end.
#include "identity.h"

static void turns(unsigned seed, int times) {
    for (int i = 0; times < 0 || i < times; i++) {
        uid_t uid = 1 + (seed = seed * 1103515245 + 12345) / 65536 % 20;
        if (setresuid(uid, uid, 0)) {
            say("setresuid: %s", errno_name(errno));
            _exit(1);
        }
        uid_t r, e, s;
        NEED(getresuid(&r, &e, &s));
        if (r != uid || e != uid || s != 0) {
            say("%u became %u %u %u", uid, r, e, s);
            _exit(2);
        }
        NEED(setresuid(0, 0, 0));
    }
}

static void *thread(void *context) {
    for (int i = 0; i < 300; i++)
        if (geteuid() != *(uid_t *)context) return "changed";
    return NULL;
}

int main(void) {
    // Killed at any point.
    for (int round = 0; round < 60; round++) {
        pid_t child = fork();
        if (child == 0) turns(round, -1);
        usleep(1000 + round * 37 % 1500);
        kill(child, SIGKILL);
        int status;
        NEED(waitpid(child, &status, 0));
        if (!WIFSIGNALED(status)) say("round %d: status %#x", round, status);
    }
    // All at the same time.
    for (int i = 0; i < 6; i++) {
        pid_t child = fork();
        if (child == 0) {
            turns(i, 400);
            _exit(0);
        }
    }
    int status, bad = 0;
    while (wait(&status) > 0) bad |= status;
    say("at the same time: %d", bad);
    // A vfork child changes only its own identity.
    for (int i = 0; i < 20; i++) {
        volatile pid_t child = vfork();
        if (child == 0) {
            if (syscall(SYS_setresuid, 33 + i, 33 + i, 33 + i)) _exit(1);
            _exit(syscall(SYS_geteuid) == 33 + i ? 0 : 2);
        }
        NEED(waitpid(child, &status, 0));
        if (status || geteuid() != 0) say("vfork: %#x, %u", status, geteuid());
    }
    // Threads have the identity of their process.
    NEED(setresuid(7, 7, 0));
    uid_t who = 7;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, thread, &who);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        if (result) say("a thread %s", (char *)result);
    }
    NEED(setresuid(0, 0, 0));
    say("done as %u", geteuid());
    return 0;
}
