// Sockets bound or reached through descriptors, links of /proc and a moved directory.
// syscalls: bind connect
#include "../facts.h"

static int open_socket(const char *path, bool listening) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    long r = listening ? bind(fd, (void *)&a, sizeof a) : connect(fd, (void *)&a, sizeof a);
    if (r < 0) say("%s %s: %s", listening ? "bind" : "connect", path, errno_name(errno));
    else say("%s %s", listening ? "bound" : "connected", path);
    if (listening) listen(fd, 50);
    return fd;
}

int main(void) {
    char name[80];
    NEED(mkdir("d", 0755));
    int dir = open("d", O_PATH);
    snprintf(name, sizeof name, "/proc/self/fd/%d/socket", dir);
    open_socket(name, true);
    list("d");
    open_socket(name, false);
    open_socket("d/socket", false);
    open_socket("/proc/self/cwd/d/socket", false);
    NEED(rename("d", "e"));
    open_socket(name, false);
    open_socket("d/socket", false);
    open_socket("/here/e/socket", false);
    NEED(link("e/socket", "hard"));
    open_socket("hard", false);
    NEED(rename("e/socket", "/tmp/moved"));
    open_socket("/tmp/moved", false);
    NEED(chdir("/tmp"));
    open_socket("moved", false);
    struct ucred peer;
    socklen_t length = sizeof peer;
    NEED(getsockopt(open_socket("moved", false), SOL_SOCKET, SO_PEERCRED, &peer, &length));
    say("peer is us: %d", peer.pid == getpid() && peer.uid == getuid());
    NEED(unlink("moved"));
    open_socket("moved", false);
    open_socket("moved", true);
    open_socket("/tmp/./moved", false);
}
