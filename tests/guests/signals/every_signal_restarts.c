// SA_RESTART works for every signal, also for those that C libraries use themselves: a thread that
// sleeps in a call with an address, or in any other call that newroot makes for the program,
// continues to sleep.
// syscalls: rt_sigaction accept recvfrom recvmsg read connect
#include "../facts.h"

struct action { void (*handler)(int); unsigned long flags; void (*restorer)(void); unsigned long mask; };

static volatile int seen;
static void handler(int s) { seen++; }
static void back(void);
__asm__(".text\nback: mov $15, %rax\nsyscall\n");

static int listening, quiet, ends[2];
static volatile int thread_id;

static void *accepts(void *from) {
    struct sockaddr_un address;
    socklen_t len = sizeof address;
    thread_id = gettid();
    return (void *)(long)(accept(listening, from ? (void *)&address : NULL, from ? &len : NULL) < 0 ? -errno : 0);
}
static void *receives(void *from) {
    struct sockaddr_un address;
    socklen_t len = sizeof address;
    char byte;
    thread_id = gettid();
    return (void *)(long)(recvfrom(quiet, &byte, 1, 0, from ? (void *)&address : NULL, from ? &len : NULL) < 0 ? -errno : 0);
}
static void *message(void *unused) {
    char byte;
    struct iovec part = {&byte, 1};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    thread_id = gettid();
    return (void *)(long)(recvmsg(quiet, &header, 0) < 0 ? -errno : 0);
}
static void *reads(void *unused) {
    char byte;
    thread_id = gettid();
    return (void *)(long)(read(ends[0], &byte, 1) < 0 ? -errno : 0);
}

static void wake_accept(void) {
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/tmp/stream"};
    NEED(connect(s, (void *)&name, sizeof name));
    close(s);
}
static void wake_receive(void) {
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/tmp/datagram"};
    NEED(sendto(s, "x", 1, 0, (void *)&name, sizeof name));
    close(s);
}
static void wake_read(void) { NEED(write(ends[1], "x", 1)); }

static void try(const char *what, void *(*run)(void *), void *argument, void (*wake)(void), int signal) {
    pthread_t thread;
    thread_id = 0;
    NEED(pthread_create(&thread, NULL, run, argument));
    while (!thread_id || !sleeps(thread_id)) usleep(500);
    seen = 0;
    // Only now: the C library sets its own actions with the first thread.
    syscall(SYS_rt_sigaction, signal, &(struct action){handler, SA_RESTART | 0x04000000, back, 0}, NULL, 8);
    for (int i = 0; i < 3; i++) {
        syscall(SYS_tgkill, getpid(), thread_id, signal);
        while (seen <= i) usleep(500);
    }
    while (!sleeps(thread_id)) usleep(500);
    wake();
    void *result;
    pthread_join(thread, &result);
    say("%s, signal %d: %s", what, signal, result ? errno_name(-(long)result) : "went on");
}

int main(void) {
    struct sockaddr_un stream = {.sun_family = AF_UNIX, .sun_path = "/tmp/stream"};
    struct sockaddr_un datagram = {.sun_family = AF_UNIX, .sun_path = "/tmp/datagram"};
    listening = socket(AF_UNIX, SOCK_STREAM, 0);
    quiet = socket(AF_UNIX, SOCK_DGRAM, 0);
    NEED(bind(listening, (void *)&stream, sizeof stream));
    NEED(listen(listening, 8));
    NEED(bind(quiet, (void *)&datagram, sizeof datagram));
    NEED(pipe(ends));
    // As glibc does in all threads when one changes its identity.
    pthread_t thread;
    thread_id = 0;
    struct action libc = {0};
    NEED(pthread_create(&thread, NULL, accepts, ""));
    while (!thread_id || !sleeps(thread_id)) usleep(500);
    say("setgid %d, setuid %d", setgid(getgid()), setuid(getuid()));
    syscall(SYS_rt_sigaction, 33, NULL, &libc, 8);
    say("the C library's own: %s", libc.flags & SA_RESTART ? "restarts" : "doesn't restart");
    while (!sleeps(thread_id)) usleep(500);
    wake_accept();
    void *result;
    pthread_join(thread, &result);
    say("accept in another thread: %s", result ? errno_name(-(long)result) : "went on");
    for (int signal = 1; signal <= 64; signal++) {
        if (signal == SIGKILL || signal == SIGSTOP) continue;
        struct action new = {handler, SA_RESTART | 0x04000000, back, 0}, now = {0};
        if (syscall(SYS_rt_sigaction, signal, &new, NULL, 8) < 0 || syscall(SYS_rt_sigaction, signal, NULL, &now, 8) < 0)
            say("signal %d: %s", signal, errno_name(errno));
        else if (now.handler != handler || now.flags != new.flags || now.restorer != back || now.mask != 0)
            say("signal %d reads back with flags %lx", signal, now.flags);
    }
    int signals[] = {SIGUSR1, SIGSEGV, SIGILL, SIGTRAP, SIGBUS, SIGFPE, 32, 33, 34, 64};
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        try("accept", accepts, NULL, wake_accept, signals[i]);
        try("accept with an address", accepts, "", wake_accept, signals[i]);
        try("recvfrom", receives, NULL, wake_receive, signals[i]);
        try("recvfrom with an address", receives, "", wake_receive, signals[i]);
        try("recvmsg", message, NULL, wake_receive, signals[i]);
        try("read", reads, NULL, wake_read, signals[i]);
    }
}
