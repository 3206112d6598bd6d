// A thread can be cancelled while it sleeps in a call, and on its way there or back.
// link: static dynamic musl newer
// syscalls: accept recvfrom recvmsg recvmmsg connect openat read ppoll
#include "../facts.h"
#include <poll.h>

static int listening, quiet, ends[2], full;
static volatile int thread_id;
static struct sockaddr_un stream = {.sun_family = AF_UNIX, .sun_path = "/tmp/stream"}, from;
static socklen_t len;
static char byte;
static struct iovec part = {&byte, 1};

static void accepts(void) { accept(listening, (void *)&from, &len); }
static void accepts_nobody(void) { accept(listening, NULL, NULL); }
static void receives(void) { recvfrom(quiet, &byte, 1, 0, (void *)&from, &len); }
static void gets_message(void) {
    struct msghdr header = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1};
    recvmsg(quiet, &header, 0);
}
#ifdef __GLIBC__
static void gets_messages(void) {
    struct mmsghdr headers[2] = {{.msg_hdr = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1}}};
    headers[1] = headers[0];
    recvmmsg(quiet, headers, 2, 0, NULL);
}
#endif
static void connects(void) { connect(full, (void *)&stream, sizeof stream); }
static void opens(void) { open("/tmp/fifo", O_RDONLY); }
static void opens_by_link(void) { open("/tmp/link", O_WRONLY); }
static void reads(void) { if (read(ends[0], &byte, 1) < 0) say("read fails"); }
static void polls(void) {
    struct pollfd one = {.fd = quiet, .events = POLLIN};
    sigset_t none;
    sigemptyset(&none);
    ppoll(&one, 1, NULL, &none);
}

static volatile int cleaned;
static void clean(void *unused) { cleaned = 1; }

static void *run(void *what) {
    len = sizeof from;
    pthread_cleanup_push(clean, NULL);
    thread_id = gettid();
    ((void (*)(void))what)();
    pthread_cleanup_pop(0);
    return "returned";
}

static void try(const char *what, void (*call)(void)) {
    int right = 0;
    enum { ROUNDS = 60 };
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t thread;
        void *result = NULL;
        thread_id = cleaned = 0;
        NEED(pthread_create(&thread, NULL, run, call));
        while (!thread_id) sched_yield();
        // Sometimes it sleeps, sometimes it is on its way.
        if (round % 3 == 0) while (!sleeps(thread_id)) usleep(200);
        for (volatile int i = 0; i < round % 3 * round * 100; i++) {}
        NEED(pthread_cancel(thread));
        NEED(pthread_join(thread, &result));
        if (result == PTHREAD_CANCELED && cleaned) right++;
    }
    say("%s: %d of %d cancelled", what, right, ROUNDS);
}

int main(void) {
    listening = socket(AF_UNIX, SOCK_STREAM, 0);
    full = socket(AF_UNIX, SOCK_STREAM, 0);
    quiet = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un datagram = {.sun_family = AF_UNIX, .sun_path = "/tmp/datagram"};
    NEED(bind(listening, (void *)&stream, sizeof stream));
    NEED(listen(listening, 0));
    NEED(bind(quiet, (void *)&datagram, sizeof datagram));
    NEED(pipe(ends));
    NEED(mkfifo("/tmp/fifo", 0600));
    NEED(symlink("fifo", "/tmp/link"));
    try("accept with an address", accepts);
    try("accept", accepts_nobody);
    try("recvfrom", receives);
    try("recvmsg", gets_message);
#ifdef __GLIBC__
    try("recvmmsg", gets_messages);
#endif
    try("open of a FIFO", opens);
    try("open of a FIFO by a link", opens_by_link);
    try("read", reads);
    try("ppoll with a mask", polls);
    int first = socket(AF_UNIX, SOCK_STREAM, 0);
    NEED(connect(first, (void *)&stream, sizeof stream));
    try("connect", connects);
}
