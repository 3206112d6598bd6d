// A handler that interrupts a sleeping call finds the program at its own `syscall` instruction. If
// the call is to be restarted, the program is about to make it, with the arguments in place;
// otherwise it is after the call, with EINTR. So the handler can leave the call for good by
// changing the instruction pointer, as C libraries cancel threads.
// syscalls: accept accept4 recvfrom recvmsg recvmmsg connect openat ppoll pselect6 epoll_pwait
// syscalls: rt_sigsuspend
#include "../facts.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <ucontext.h>

long call(long number, const long *arguments);
extern char call_syscall[], call_end[], call_left[];
__asm__(".text\n"
        "call:\n"
        "push %rbx\n"
        "push %rbp\n"
        "mov %rdi, %rax\n"
        "mov %rsi, %r11\n"
        "mov (%r11), %rdi\n"
        "mov 8(%r11), %rsi\n"
        "mov 16(%r11), %rdx\n"
        "mov 24(%r11), %r10\n"
        "mov 32(%r11), %r8\n"
        "mov 40(%r11), %r9\n"
        "mov $0x1234, %rbx\n"
        "mov $0x5678, %rbp\n"
        "call_syscall: syscall\n"
        "call_end:\n"
        "pop %rbp\n"
        "pop %rbx\n"
        "ret\n"
        "call_left: mov $-999, %rax\n"
        "jmp call_end\n");

static struct {
    long number;
    long arguments[6];
    int thread;
    volatile int ready, leave;
    char seen[200];
} now;

static void handler(int s, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    static const int order[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
    int same = registers[REG_RBX] == 0x1234 && registers[REG_RBP] == 0x5678;
    for (int i = 0; i < 6; i++) same = same && registers[order[i]] == now.arguments[i];
    char *rip = (char *)registers[REG_RIP];
    const char *where = rip == call_syscall ? "at the call" : rip == call_end ? "behind the call" : "somewhere else";
    long rax = registers[REG_RAX];
    sprintf(now.seen, "%s, arguments %s, %s", where, same ? "in place" : "lost",
            rax == now.number ? "its number" : rax < 0 ? errno_name(-rax) : "another value");
    if (now.leave) registers[REG_RIP] = (greg_t)call_left;
}

static void *run(void *unused) {
    now.thread = gettid();
    now.ready = 1;
    return (void *)call(now.number, now.arguments);
}

static void try(const char *what, int flags, long number, long a, long b, long c, long d, long e, long f) {
    for (int leave = 0; leave < 2; leave++) {
        struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
        sigaction(SIGUSR1, &action, NULL);
        now.number = number;
        long arguments[] = {a, b, c, d, e, f};
        memcpy(now.arguments, arguments, sizeof arguments);
        now.ready = 0;
        // A restarted call must be left at some point.
        now.leave = leave || flags & SA_RESTART;
        strcpy(now.seen, "nothing");
        pthread_t thread;
        NEED(pthread_create(&thread, NULL, run, NULL));
        while (!now.ready) usleep(1000);
        while (!sleeps(now.thread)) usleep(1000);
        syscall(SYS_tgkill, getpid(), now.thread, SIGUSR1);
        void *result;
        pthread_join(thread, &result);
        say("%s%s%s: %s; result %s", what, flags & SA_RESTART ? ", restarted" : "", now.leave ? ", left" : "", now.seen,
            (long)result == -999 ? "of who left" : (long)result < 0 ? errno_name(-(long)result) : "a value");
    }
}

static void both(const char *what, long number, long a, long b, long c, long d, long e, long f) {
    try(what, 0, number, a, b, c, d, e, f);
    try(what, SA_RESTART, number, a, b, c, d, e, f);
}

int main(void) {
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/tmp/full"}, from;
    socklen_t len = sizeof from;
    char bytes[16];
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1};
    struct mmsghdr messages[2] = {{.msg_hdr = message}, {.msg_hdr = message}};

    int listening = socket(AF_UNIX, SOCK_STREAM, 0), quiet = socket(AF_UNIX, SOCK_DGRAM, 0);
    unlink(name.sun_path);
    NEED(bind(listening, (void *)&name, sizeof name));
    NEED(listen(listening, 0));
    NEED(bind(quiet, (void *)&(struct sockaddr_un){.sun_family = AF_UNIX, .sun_path = "/tmp/quiet"}, sizeof name));

    both("accept", SYS_accept, listening, (long)&from, (long)&len, 0, 0, 0);
    both("accept4", SYS_accept4, listening, (long)&from, (long)&len, SOCK_CLOEXEC, 0, 0);
    both("recvfrom", SYS_recvfrom, quiet, (long)bytes, sizeof bytes, 0, (long)&from, (long)&len);
    both("recvmsg", SYS_recvmsg, quiet, (long)&message, 0, 0, 0, 0);
    both("recvmmsg", SYS_recvmmsg, quiet, (long)messages, 2, 0, 0, 0);

    // One waiting connection fills the queue; the next one sleeps.
    int first = socket(AF_UNIX, SOCK_STREAM, 0), second = socket(AF_UNIX, SOCK_STREAM, 0);
    NEED(connect(first, (void *)&name, sizeof name));
    both("connect", SYS_connect, second, (long)&name, sizeof name, 0, 0, 0);

    NEED(mkfifo("/tmp/fifo", 0600));
    both("openat of a FIFO", SYS_openat, AT_FDCWD, (long)"/tmp/fifo", O_RDONLY, 0, 0, 0);
    both("open of a FIFO", SYS_open, (long)"/tmp/fifo", O_RDONLY, 0, 0, 0, 0);
    NEED(symlink("fifo", "/tmp/link"));
    both("open of a FIFO by a link", SYS_open, (long)"/tmp/link", O_WRONLY, 0, 0, 0, 0);

    long empty = 0;
    struct { long *mask; long size; } with_mask = {&empty, 8};
    struct pollfd poll = {.fd = quiet, .events = POLLIN};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(quiet, &set);
    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    NEED(epoll_ctl(epoll, EPOLL_CTL_ADD, quiet, &event));
    both("ppoll", SYS_ppoll, (long)&poll, 1, 0, (long)&empty, 8, 0);
    both("pselect6", SYS_pselect6, quiet + 1, (long)&set, 0, 0, 0, (long)&with_mask);
    both("epoll_pwait", SYS_epoll_pwait, epoll, (long)&event, 1, -1, (long)&empty, 8);
    both("rt_sigsuspend", SYS_rt_sigsuspend, (long)&empty, 8, 0, 0, 0, 0);

    int count = 0;
    DIR *all = opendir("/proc/self/fd");
    while (readdir(all)) count++;
    say("%d descriptors", count);
}
