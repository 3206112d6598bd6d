// A thread that sends a signal to itself finds that the handler ran before the call returns, for
// every signal: also for those by which the kernel reports faults. The same from one thread to
// another.
// syscalls: kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal
#include "../facts.h"

static volatile int seen, code;
static volatile pid_t thread_id, by;

static void handler(int s, siginfo_t *info, void *context) {
    struct stat st;
    // A call that names a file.
    if (stat("/data/file", &st) != 0) say("the handler can't see files");
    code = info->si_code;
    by = gettid();
    seen = s;
}

static siginfo_t info_for(int s) {
    siginfo_t info = {.si_signo = s, .si_code = SI_QUEUE};
    info.si_pid = getpid();
    info.si_uid = getuid();
    return info;
}

static long send_signal(int how, int s, pid_t thread) {
    siginfo_t info = info_for(s);
    switch (how) {
    case 0: return kill(getpid(), s);
    case 1: return syscall(SYS_tkill, thread, s);
    case 2: return syscall(SYS_tgkill, getpid(), thread, s);
    case 3: return syscall(SYS_rt_sigqueueinfo, getpid(), s, &info);
    case 4: return syscall(SYS_rt_tgsigqueueinfo, getpid(), thread, s, &info);
    default: {
        int process = syscall(SYS_pidfd_open, getpid(), 0);
        long result = syscall(SYS_pidfd_send_signal, process, s, NULL, 0);
        close(process);
        return result;
    }
    }
}

static volatile bool stop;
static void *looks(void *unused) {
    struct stat st;
    thread_id = gettid();
    while (!stop) stat("/data/file", &st);
    return NULL;
}

int main(void) {
    static const char *const names[] = {"kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"};
    int signals[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGUSR1, SIGSYS, SIGTERM, SIGRTMIN};
    enum { COUNT = sizeof signals / sizeof *signals };
    for (int how = 0; how < 6; how++)
        for (int i = 0; i < COUNT; i++) {
            struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
            NEED(sigaction(signals[i], &action, NULL));
            seen = by = 0;
            long result = send_signal(how, signals[i], gettid());
            say("%s %d: result %ld, seen %d, code %d, by the sender %d", names[how], signals[i], result, seen, code, by == gettid());
            pid_t child = fork();
            if (child == 0) {
                signal(signals[i], SIG_DFL);
                send_signal(how, signals[i], gettid());
                _exit(1);
            }
            reap("without a handler", child);
        }
    // To a thread that makes calls in a loop.
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, looks, NULL));
    while (!thread_id) usleep(1000);
    long lost = 0;
    for (int round = 0; round < 300; round++)
        for (int i = 0; i < COUNT; i++) {
            // A SIGSYS that is sent at the very moment of a trap merges with it: see "SIGSYS" among
            // the limits.
            if (signals[i] == SIGSYS) continue;
            seen = by = 0;
            if (send_signal(round % 2 ? 2 : 4, signals[i], thread_id) != 0) lost++;
            for (int wait = 0; !seen && wait < 20000; wait++) usleep(100);
            if (seen != signals[i] || by != thread_id) lost++;
        }
    stop = true;
    pthread_join(thread, NULL);
    say("%ld lost in a thread", lost);
}
