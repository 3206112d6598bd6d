// Processes bind sockets below long paths, unlink them and bind them again, all at the same time.
// Each bind has the result that the kernel's would, and a peer can reply to each name.
#include "race.h"

// Binds a socket to a name of `size` bytes in a directory; the process's own.
static int bound(const char *directory, int size, unsigned who, struct sockaddr_un *a) {
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    memset(a->sun_path, 'a' + who, size);
    memcpy(a->sun_path, directory, strlen(directory));
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (fd < 0) WRONG("socket: %s", errno_name(errno));
    if (bind(fd, (void *)a, sizeof *a) < 0) WRONG("bind %s: %s", a->sun_path, errno_name(errno));
    return fd;
}

static void talk(const char *directory, int size, unsigned who) {
    struct sockaddr_un a, b, from = {0};
    int server = bound(directory, size, who, &a), client = bound("/work/", 60, who, &b);
    socklen_t length = sizeof from;
    char text[8] = "";
    if (sendto(client, "hello", 6, 0, (void *)&a, sizeof a) != 6) WRONG("sendto: %s", errno_name(errno));
    if (recvfrom(server, text, sizeof text, MSG_DONTWAIT, (void *)&from, &length) != 6) {
        WRONG("recvfrom: %s", errno_name(errno));
    } else {
        if (strcmp(from.sun_path, b.sun_path)) WRONG("from %s, not %s", from.sun_path, b.sun_path);
        if (sendto(server, "reply", 6, 0, (void *)&from, length) != 6) WRONG("reply: %s", errno_name(errno));
    }
    if (unlink(a.sun_path) < 0 || unlink(b.sun_path) < 0) WRONG("unlink: %s", errno_name(errno));
    close(server), close(client);
}

int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    pid_t children[4];
    for (unsigned who = 0; who < 4; who++) {
        children[who] = fork();
        if (children[who]) continue;
        char own[32];
        snprintf(own, sizeof own, "/work/d%u/", who);
        while (goes_on()) {
            // A name that has to be renamed, one that needn't, and a directory that comes and goes.
            talk("/work/", 107, who);
            talk("/work/", 80, who);
            if (mkdir(own, 0755) < 0) WRONG("mkdir: %s", errno_name(errno));
            talk(own, 60, who);
            if (rmdir(own) < 0) WRONG("rmdir: %s", errno_name(errno));
        }
        _exit(wrongs != 0);
    }
    long wrong = 0;
    for (unsigned who = 0; who < 4; who++) wrong += ended(children[who]) != 0;
    printf("%ld wrong\n", wrong);
    return 0;
}
