// A filter that TSYNC installs during other threads' calls applies to their next calls, and harms
// none.
// syscalls: seccomp
#include "../filters.h"
#include <sched.h>

#define THREADS 4

static volatile int trapped[THREADS], refused[THREADS], wrong[THREADS];
static _Thread_local int own;

static void on_sys(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    if (info->si_syscall == SYS_mkdir && info->si_errno == 5) trapped[own]++;
    else wrong[own]++;
}

static void *busy(void *index) {
    own = (int)(intptr_t)index;
    while (trapped[own] < 3) {
        // The directory already exists.
        if (syscall(SYS_mkdir, "/data", 0755) == 0) wrong[own]++;
        else if (errno == EDQUOT) refused[own]++;
        struct stat s;
        if (stat("/bound/abs", &s) < 0) wrong[own]++;
    }
    return NULL;
}

static void round_of_threads(void) {
    pthread_t threads[THREADS];
    struct sigaction action = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
    NEED(sigaction(SIGSYS, &action, NULL));
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    for (intptr_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, busy, (void *)i);
    NEED(answer(SYS_mkdir, SECCOMP_RET_ERRNO | EDQUOT, SECCOMP_FILTER_FLAG_TSYNC));
    for (int i = 0; i < THREADS; i++) while (!refused[i]) sched_yield();
    NEED(answer(SYS_mkdir, SECCOMP_RET_TRAP | 5, SECCOMP_FILTER_FLAG_TSYNC));
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) if (wrong[i] || trapped[i] != 3) _exit(1);
    _exit(0);
}

int main(void) {
    int good = 0;
    for (int i = 0; i < 25; i++) {
        pid_t child = fork();
        if (child == 0) round_of_threads();
        int status;
        waitpid(child, &status, 0);
        if (status == 0) good++;
        else say("round %d: status %x", i, status);
    }
    say("%d rounds as they should be", good);
}
