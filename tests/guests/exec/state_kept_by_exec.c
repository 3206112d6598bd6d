// The state that an exec keeps, and the state that it resets.
// syscalls: execve
#include "../facts.h"

static void state(void) {
    sigset_t mask, pending;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    sigpending(&pending);
    char line[300] = "";
    for (int s = 1; s < 65; s++) {
        struct sigaction a;
        if (sigaction(s, NULL, &a) < 0) continue;
        char *end = line + strlen(line);
        if (a.sa_handler == SIG_IGN) sprintf(end, " %d:ignored", s);
        else if (a.sa_handler != SIG_DFL) sprintf(end, " %d:handled", s);
        end = line + strlen(line);
        if (sigismember(&mask, s)) sprintf(end, " %d:blocked", s);
        end = line + strlen(line);
        if (sigismember(&pending, s)) sprintf(end, " %d:pending", s);
    }
    say("signals:%s", line);
    char cwd[100];
    mode_t mode = umask(0);
    umask(mode);
    say("cwd %s umask %03o nice %d", getcwd(cwd, sizeof cwd), mode, getpriority(PRIO_PROCESS, 0));
    list("/proc/self/fd");
    struct itimerval left;
    getitimer(ITIMER_REAL, &left);
    say("timer running: %d", left.it_value.tv_sec > 0);
    stack_t alternate;
    sigaltstack(NULL, &alternate);
    say("alternate stack: %d", !(alternate.ss_flags & SS_DISABLE));
    struct rlimit r;
    getrlimit(RLIMIT_NOFILE, &r);
    say("descriptors limited to %ld", (long)r.rlim_cur);
}

static void nothing(int s) {}

int main(int argc, char **argv) {
    if (argc > 1) {
        say("same process: %d", getpid() == atoi(argv[1]));
        state();
        return 0;
    }
    signal(SIGUSR1, SIG_IGN);
    signal(SIGSYS, SIG_IGN);
    signal(SIGUSR2, nothing);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGSYS);
    sigaddset(&set, SIGRTMIN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGTERM);
    umask(031);
    NEED(nice(3));
    NEED(chdir("/bound/dir"));
    NEED(open("/data/file", O_RDONLY));
    NEED(open("/data/file", O_RDONLY | O_CLOEXEC));
    NEED(fcntl(3, F_DUPFD, 20));
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value.tv_sec = 1000}, NULL);
    sigaltstack(&(stack_t){.ss_sp = malloc(65536), .ss_size = 65536}, NULL);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){100, 200});
    state();
    char pid[20];
    sprintf(pid, "%d", getpid());
    execl("/bin/guest", "guest", pid, NULL);
}
