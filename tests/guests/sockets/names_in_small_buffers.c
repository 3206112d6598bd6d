// A buffer that is too small for a name gets its beginning; the length is that of the whole name.
// root: long
// syscalls: accept accept4 recvfrom getsockname getpeername
#include "../facts.h"

static int bound(int type, const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, type, 0);
    NEED(bind(fd, (void *)&a, offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1));
    return fd;
}

static void show_buffer(long result, const char *buffer, socklen_t size, socklen_t length) {
    int end = size < 140 ? size : 140;
    say("%s, length %d: '%.*s', then '%.3s'", result < 0 ? errno_name(errno) : "done", length,
        end > 2 ? end - 2 : 0, buffer + 2, buffer + end);
}

int main(void) {
    struct sockaddr_un to = {AF_UNIX, "/here/server"}, stream = {AF_UNIX, "/here/stream"};
    int server = bound(SOCK_DGRAM, to.sun_path), listener = bound(SOCK_STREAM, stream.sun_path);
    NEED(listen(listener, 5));
    socklen_t sizes[] = {0, 1, 2, 3, 5, 13, 16, 17, 20, 28, 60, 109, 110, 111, 128, 200, -1};
    for (int i = 0; i < 17; i++) {
        char buffer[300], text[20];
        say("%d bytes", sizes[i]);
        socklen_t length = sizes[i];
        memset(buffer, '#', sizeof buffer);
        int client = bound(SOCK_DGRAM, "/here/the-client");
        NEED(sendto(client, "x", 1, 0, (void *)&to, sizeof to));
        show_buffer(recvfrom(server, text, sizeof text, MSG_DONTWAIT, (void *)buffer, &length), buffer, sizes[i], length);
        recv(server, text, sizeof text, MSG_DONTWAIT);
        NEED(unlink("/here/the-client"));
        close(client);
        client = bound(SOCK_STREAM, "/here/the-client");
        NEED(connect(client, (void *)&stream, sizeof stream));
        length = sizes[i];
        memset(buffer, '#', sizeof buffer);
        int got = accept(listener, (void *)buffer, &length);
        show_buffer(got, buffer, sizes[i], length);
        length = sizes[i];
        memset(buffer, '#', sizeof buffer);
        show_buffer(getsockname(client, (void *)buffer, &length), buffer, sizes[i], length);
        length = sizes[i];
        memset(buffer, '#', sizeof buffer);
        show_buffer(getpeername(client, (void *)buffer, &length), buffer, sizes[i], length);
        NEED(unlink("/here/the-client"));
        close(client), close(got);
    }
    // Memory that can't be written to.
    socklen_t length = 20;
    int client = bound(SOCK_STREAM, "/here/the-client");
    NEED(connect(client, (void *)&stream, sizeof stream));
    CALL(accept(listener, (void *)16, &length));
    CALL(fcntl(listener, F_SETFL, O_NONBLOCK));
    CALL(accept4(listener, NULL, NULL, SOCK_NONBLOCK));
    int sender = bound(SOCK_DGRAM, "/here/sender");
    NEED(sendto(sender, "x", 1, 0, (void *)&to, sizeof to));
    char text[20];
    CALL(recvfrom(server, text, sizeof text, MSG_DONTWAIT, (void *)16, &length));
    CALL(recvfrom(server, text, sizeof text, MSG_DONTWAIT, (void *)16, &length));
    NEED(sendto(sender, "x", 1, 0, (void *)&to, sizeof to));
    CALL(recvfrom(server, text, sizeof text, MSG_DONTWAIT, (void *)text, (void *)16));
}
