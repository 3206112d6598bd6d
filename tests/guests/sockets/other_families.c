// newroot leaves abstract and unnamed sockets, and other families, alone.
// syscalls: socket socketpair bind connect accept getsockname getpeername
#include "../facts.h"
#include <arpa/inet.h>
#include <netinet/in.h>

int main(void) {
    struct sockaddr_un a = {AF_UNIX, ""}, back;
    snprintf(a.sun_path + 1, 50, "guest-test-%d", getpid());
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(a.sun_path + 1), got = sizeof back;
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    CALL(bind(server, (void *)&a, length));
    CALL(listen(server, 1));
    CALL(getsockname(server, (void *)&back, &got));
    say("same: %d", got == length && !memcmp(&a, &back, length));
    CALL(connect(client, (void *)&a, length));
    got = sizeof back;
    CALL(getpeername(client, (void *)&back, &got));
    say("same: %d", got == length && !memcmp(&a, &back, length));
    int automatic = socket(AF_UNIX, SOCK_DGRAM, 0);
    CALL(bind(automatic, (void *)&a, sizeof(sa_family_t)));
    got = sizeof back;
    CALL(getsockname(automatic, (void *)&back, &got));
    say("abstract: %d, length %d", back.sun_path[0] == 0, got);
    int pair[2];
    CALL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    got = sizeof back;
    CALL(getsockname(pair[0], (void *)&back, &got));
    say("length %d", got);
    CALL(getpeername(server, (void *)&back, &got));
    struct sockaddr_in in = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}}, in2;
    int tcp = socket(AF_INET, SOCK_STREAM, 0), peer = socket(AF_INET, SOCK_STREAM, 0);
    CALL(bind(tcp, (void *)&in, sizeof in));
    CALL(listen(tcp, 1));
    got = sizeof in2;
    CALL(getsockname(tcp, (void *)&in2, &got));
    say("loopback: %d, length %d", in2.sin_addr.s_addr == htonl(INADDR_LOOPBACK), got);
    CALL(connect(peer, (void *)&in2, sizeof in2));
    got = sizeof in;
    CALL(accept(tcp, (void *)&in, &got) >= 0);
    say("family %d, length %d", in.sin_family, got);
    list("/here");
}
