// A peer receives the name that a socket was bound by, and can reply to it, however long the root's
// own path is.
// root: long
// syscalls: bind connect sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg accept getsockname
// syscalls: getpeername
#include "../facts.h"
#include <sys/wait.h>

static struct sockaddr_un address(const char *path, socklen_t *length) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    memcpy(a.sun_path, path, size);
    *length = offsetof(struct sockaddr_un, sun_path) + size + (size < sizeof a.sun_path);
    return a;
}

static int bound(int type, const char *path) {
    socklen_t length;
    struct sockaddr_un a = address(path, &length);
    int fd = socket(AF_UNIX, type, 0);
    NEED(bind(fd, (void *)&a, length));
    return fd;
}

static void show_name(const char *what, long result, const struct sockaddr_un *a, socklen_t length) {
    if (result < 0) say("%s: %s", what, errno_name(errno));
    else say("%s: '%.*s', length %d", what, length > 2 ? (int)sizeof a->sun_path : 0, a->sun_path, length);
}

static void names_of(int fd) {
    struct sockaddr_un a = {0};
    socklen_t length = sizeof a;
    show_name("getsockname", getsockname(fd, (void *)&a, &length), &a, length);
    memset(&a, 0, sizeof a);
    length = sizeof a;
    show_name("getpeername", getpeername(fd, (void *)&a, &length), &a, length);
}

// Prints and answers what arrives, with each of the calls that take an address.
static void reply(int server, int how) {
    char text[40] = "";
    struct sockaddr_un from = {0};
    struct iovec part = {text, sizeof text};
    struct mmsghdr m = {{.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &part, .msg_iovlen = 1}};
    socklen_t length = sizeof from;
    long got = how == 0 ? recvfrom(server, text, sizeof text, 0, (void *)&from, &length)
             : how == 1 ? recvmsg(server, &m.msg_hdr, 0)
                        : recvmmsg(server, &m, 1, 0, NULL);
    if (how) length = m.msg_hdr.msg_namelen;
    show_name(text, got, &from, length);
    part.iov_len = 6;
    m.msg_hdr.msg_namelen = length;
    CALL(how == 0   ? sendto(server, "reply", 6, 0, (void *)&from, length)
         : how == 1 ? sendmsg(server, &m.msg_hdr, 0)
                    : sendmmsg(server, &m, 1, 0));
    CALL(access(from.sun_path, F_OK));
}

static void talk(int server, const char *to, const char *path) {
    int client = bound(SOCK_DGRAM, path);
    socklen_t length;
    struct sockaddr_un a = address(to, &length);
    char text[40] = "";
    for (int how = 0; how < 3; how++) {
        NEED(sendto(client, "hello", 6, 0, (void *)&a, length));
        reply(server, how);
        NEED(recv(client, text, sizeof text, 0));
        say("%s", text);
    }
    names_of(client);
    NEED(connect(client, (void *)&a, length));
    names_of(client);
    close(client);
    NEED(unlink(path));
}

static void streams(const char *path, const char *own) {
    int server = bound(SOCK_STREAM, path), client = bound(SOCK_STREAM, own);
    socklen_t length;
    struct sockaddr_un a = address(path, &length), b = {0};
    NEED(listen(server, 1));
    CALL(connect(client, (void *)&a, length));
    length = sizeof b;
    int got = accept(server, (void *)&b, &length);
    show_name("accept", got, &b, length);
    names_of(got);
    names_of(client);
    close(server), close(client), close(got);
    NEED(unlink(path));
    NEED(unlink(own));
}

// Returns a name of `size` bytes in a directory.
static char *sized(const char *directory, int size) {
    static char paths[8][120];
    static int next;
    char *path = paths[next++ % 8];
    memset(path, 'a' + next % 20, size);
    memcpy(path, directory, strlen(directory));
    path[size] = 0;
    return path;
}

int main(void) {
    NEED(mkdir("/here/below", 0755));
    int server = bound(SOCK_DGRAM, "/here/server");
    names_of(server);
    talk(server, "/here/server", "/here/client");
    talk(server, "/here/server", "/here/below/client");
    talk(server, "/here/server", "/bound/client");
    for (int size = 60; size <= 107; size += 8) talk(server, "/here/server", sized("/here/", size));
    talk(server, "/here/server", sized("/here/below/", 107));
    streams("/here/s", "/here/below/c");
    streams(sized("/here/", 100), sized("/here/below/", 108));
    // The same name again, while its first socket is open.
    char *path = sized("/here/", 105);
    int first = bound(SOCK_DGRAM, path);
    NEED(unlink(path));
    int second = bound(SOCK_DGRAM, path);
    names_of(first), names_of(second);
    socklen_t length;
    struct sockaddr_un a = address(path, &length);
    CALL(bind(socket(AF_UNIX, SOCK_DGRAM, 0), (void *)&a, length));
    NEED(unlink(path));
    a = address("/here/server", &length);
    CALL(bind(socket(AF_UNIX, SOCK_DGRAM, 0), (void *)&a, length));
    a = address("/here/missing/x", &length);
    CALL(bind(socket(AF_UNIX, SOCK_DGRAM, 0), (void *)&a, length));
    NEED(mkdir("/here/locked", 0500));
    a = address("/here/locked/x", &length);
    CALL(bind(socket(AF_UNIX, SOCK_DGRAM, 0), (void *)&a, length));
    // Another process replies.
    int client = bound(SOCK_DGRAM, "/here/client");
    a = address("/here/server", &length);
    if (fork() == 0) {
        reply(server, 0);
        fflush(stdout);
        _exit(0);
    }
    char text[40] = "";
    NEED(sendto(client, "from afar", 10, 0, (void *)&a, length));
    NEED(recv(client, text, sizeof text, 0));
    wait(NULL);
    say("%s", text);
    list("/here");
    list("/here/below");
}
