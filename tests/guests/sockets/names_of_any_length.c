// A name may fill all 108 bytes, with or without a zero at the end.
// syscalls: bind connect getsockname
#include "../facts.h"

static void sized(int size) {
    struct sockaddr_un a = {.sun_family = AF_UNIX}, back;
    memset(a.sun_path, 'n', sizeof a.sun_path);
    memcpy(a.sun_path, "/here/", 6);
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + size, got = sizeof back + 1;
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    say("%d bytes", size);
    CALL(bind(server, (void *)&a, length));
    CALL(listen(server, 1));
    CALL(connect(client, (void *)&a, length));
    char buffer[200];
    CALL(getsockname(server, (void *)buffer, &got));
    say("length %d, same %d", got, !memcmp(buffer + 2, a.sun_path, size));
    char path[120] = "";
    memcpy(path, a.sun_path, size);
    CALL(unlink(path));
    close(server);
    close(client);
}

int main(void) {
    sized(50);
    sized(106);
    sized(107);
    sized(108);
    struct sockaddr_un a = {AF_UNIX, "/here/s"};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CALL(bind(fd, (void *)&a, 111));
    CALL(bind(fd, (void *)&a, sizeof a + 1));
    CALL(bind(fd, (void *)&a, 1));
    CALL(bind(fd, (void *)&a, 0));
    CALL(connect(fd, (void *)&a, 2));
    CALL(bind(fd, (void *)&a, offsetof(struct sockaddr_un, sun_path) + 4));
    socklen_t small = 5;
    char buffer[200];
    memset(buffer, '#', sizeof buffer);
    CALL(getsockname(fd, (void *)buffer, &small));
    say("length %d, cut after '%.4s'", small, buffer + 2);
    small = -1;
    CALL(getsockname(fd, (void *)buffer, &small));
    small = 0;
    CALL(getsockname(fd, (void *)buffer, &small));
    say("length %d", small);
    CALL(getsockname(fd, NULL, &small));
    list("/");
    list("/here");
}
