// The credentials of a socket's peer, and which users may reach it.
#include "identity.h"

static struct sockaddr_un address(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, path);
    return a;
}

static int bound(int type, const char *path, mode_t mode) {
    struct sockaddr_un a = address(path);
    int fd = socket(AF_UNIX, type, 0);
    NEED(fd);
    NEED(bind(fd, (void *)&a, sizeof a));
    NEED(chmod(path, mode));
    if (type == SOCK_STREAM) NEED(listen(fd, 5));
    else {
        int on = 1;
        NEED(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    }
    return fd;
}

static int connected(const char *path) {
    struct sockaddr_un a = address(path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    NEED(fd);
    if (connect(fd, (void *)&a, sizeof a) == 0) return fd;
    say("connect %s: %s", path, errno_name(errno));
    close(fd);
    return -1;
}

static void peer(const char *name, int fd) {
    struct ucred c;
    socklen_t len = sizeof c;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len) < 0) {
        say("%s: %s", name, errno_name(errno));
        return;
    }
    gid_t groups[64] = {0};
    socklen_t size = sizeof groups;
    int n = getsockopt(fd, SOL_SOCKET, 59, groups, &size);
    say("%s is %d:%d, length %u, groups %s %u: %d %d", name, c.uid, c.gid, len, errno_name(n < 0 ? errno : 0), size,
        size > 0 ? (int)groups[0] : -1, size > 4 ? (int)groups[1] : -1);
}

union control { struct cmsghdr header; char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))]; };

static void show_control(const char *name, struct msghdr *m) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_type == SCM_CREDENTIALS) {
            struct ucred who;
            memcpy(&who, CMSG_DATA(c), sizeof who);
            say("%s came from %d:%d, process %s", name, who.uid, who.gid, who.pid > 0 ? "known" : "unknown");
        } else say("%s brings something else: %d", name, c->cmsg_type);
    }
}

static void receive(const char *name, int fd) {
    char text[16];
    union control control;
    struct iovec part = {text, sizeof text};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    if (recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0) say("%s: %s", name, errno_name(errno));
    else show_control(name, &m);
}

// Sends a byte, the credentials, and a descriptor unless that is negative.
static int fill(struct msghdr *m, struct iovec *part, union control *control, struct sockaddr_un *a, struct ucred who, int fd) {
    *part = (struct iovec){"x", 1};
    *m = (struct msghdr){a, a ? sizeof *a : 0, part, 1, control, sizeof *control, 0};
    memset(control, 0, sizeof *control);
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    if (fd >= 0) {
        *c = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
        c = (void *)((char *)c + CMSG_SPACE(sizeof fd));
    }
    *c = (struct cmsghdr){CMSG_LEN(sizeof who), SOL_SOCKET, SCM_CREDENTIALS};
    memcpy(CMSG_DATA(c), &who, sizeof who);
    m->msg_controllen = CMSG_SPACE(sizeof who) + (fd >= 0 ? CMSG_SPACE(sizeof fd) : 0);
    return 0;
}

static void send_as(const char *name, int socket, struct sockaddr_un *a, struct ucred who, int fd) {
    struct msghdr m;
    struct iovec part;
    union control control;
    fill(&m, &part, &control, a, who, fd);
    say("send %s: %s", name, errno_name(sendmsg(socket, &m, 0) < 0 ? errno : 0));
}

int main(void) {
    NEED(chdir("/tmp"));
    int server = bound(SOCK_STREAM, "stream", 0777), log = bound(SOCK_DGRAM, "log", 0777);
    bound(SOCK_STREAM, "roots", 0700);
    bound(SOCK_DGRAM, "roots-log", 0700);
    NEED(mkdir("closed", 0700));
    bound(SOCK_STREAM, "closed/in", 0777);
    struct sockaddr_un to = address("/tmp/log");

    // The connecting process, while it lives and after its end.
    int go[2], ready[2];
    NEED(pipe(go));
    NEED(pipe(ready));
    pid_t child = fork();
    if (child == 0) {
        become(33, 34);
        int fd = connected("/tmp/stream");
        peer("server", fd);
        NEED(write(ready[1], "", 1));
        char byte;
        NEED(read(go[0], &byte, 1));
        _exit(0);
    }
    int client = accept(server, NULL, NULL);
    NEED(client);
    char byte;
    NEED(read(ready[0], &byte, 1));
    peer("client", client);
    NEED(write(go[1], "", 1));
    end_(child);
    peer("client that is gone", client);
    AS(44, 44) connected("stream");
    client = accept(server, NULL, NULL);
    peer("another client", client);

    // A listening socket keeps the identity of the time of listen(2).
    child = fork();
    if (child == 0) {
        bound(SOCK_STREAM, "dropped", 0777);
        become(55, 55);
        NEED(write(ready[1], "", 1));
        char byte;
        NEED(read(go[0], &byte, 1));
        _exit(0);
    }
    NEED(read(ready[0], &byte, 1));
    peer("who listened", connected("dropped"));
    NEED(write(go[1], "", 1));
    end_(child);

    // The process that made a pair stays its peer.
    int pair[2];
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    AS(33, 34) peer("pair", pair[0]);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    peer("inet", udp);
    peer("unconnected", log);
    peer("file", ready[0]);

    // Lengths of the buffer.
    uint32_t words[4] = {~0u, ~0u, ~0u, ~0u};
    socklen_t len = 6;
    int result = getsockopt(client, SOL_SOCKET, SO_PEERCRED, words, &len);
    say("short: %d, %u, %x %x", result, len, words[1] & 0xffff0000, words[2]);
    len = 4;
    result = getsockopt(client, SOL_SOCKET, 59, words, &len);
    say("short groups: %s, %u", errno_name(result < 0 ? errno : 0), len);
    len = -1;
    result = getsockopt(client, SOL_SOCKET, SO_PEERCRED, words, &len);
    say("negative: %s", errno_name(result < 0 ? errno : 0));

    // A message carries its sender's credentials.
    AS(33, 34) {
        int s = socket(AF_UNIX, SOCK_DGRAM, 0);
        NEED(sendto(s, "x", 1, 0, (void *)&to, sizeof to));
        send_as("own", s, &to, (struct ucred){getpid(), 33, 34}, -1);
        send_as("own, with a descriptor", s, &to, (struct ucred){getpid(), 33, 34}, 1);
        send_as("as root", s, &to, (struct ucred){getpid(), 0, 34}, -1);
        send_as("as root's group", s, &to, (struct ucred){getpid(), 33, 0}, -1);
        send_as("as another process", s, &to, (struct ucred){1, 33, 34}, -1);
        NEED(connect(s, (void *)&to, sizeof to));
        send_as("own, connected", s, NULL, (struct ucred){getpid(), 33, 34}, 1);
    }
    for (int i = 0; i < 5; i++) receive("message", log);
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    send_as("root's", s, &to, (struct ucred){getpid(), 0, 0}, -1);
    receive("root's message", log);
    receive("no message", log);

    // Several messages at once.
    AS(44, 45) {
        struct mmsghdr many[3];
        struct iovec parts[3];
        union control controls[3];
        s = socket(AF_UNIX, SOCK_DGRAM, 0);
        for (int i = 0; i < 3; i++) fill(&many[i].msg_hdr, &parts[i], &controls[i], &to, (struct ucred){getpid(), 44, 45}, i ? 1 : -1);
        CALL(sendmmsg(s, many, 3, 0));
        say("lengths %u %u %u", many[0].msg_len, many[1].msg_len, many[2].msg_len);
    }
    struct mmsghdr many[4] = {0};
    struct iovec parts[4];
    union control controls[4];
    char text[4][4];
    for (int i = 0; i < 4; i++) {
        parts[i] = (struct iovec){text[i], 4};
        many[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1, .msg_control = &controls[i], .msg_controllen = sizeof controls[i]};
    }
    CALL(recvmmsg(log, many, 4, MSG_DONTWAIT, NULL));
    for (int i = 0; i < 3; i++) show_control("one of many", &many[i].msg_hdr);

    // The credentials on a stream.
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    int on = 1;
    NEED(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    AS(33, 34) NEED(write(pair[1], "x", 1));
    receive("a byte of a stream", pair[0]);

    // Users that may not reach the sockets.
    AS(33, 34) {
        connected("/tmp/roots");
        connected("closed/in");
        connected("closed/none");
        connected("none");
        connected("stream");
        s = socket(AF_UNIX, SOCK_DGRAM, 0);
        struct sockaddr_un mine = address("roots-log");
        say("sendto: %s", errno_name(sendto(s, "x", 1, 0, (void *)&mine, sizeof mine) < 0 ? errno : 0));
        send_as("to root's", s, &mine, (struct ucred){getpid(), 33, 34}, -1);
        struct msghdr m;
        struct iovec part;
        union control control;
        fill(&m, &part, &control, &mine, (struct ucred){getpid(), 33, 34}, -1);
        struct mmsghdr one = {m, 0};
        CALL(sendmmsg(s, &one, 1, 0));
    }
    return 0;
}
