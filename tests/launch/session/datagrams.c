// Asks a server by a datagram, or answers one question: `datagrams ask SERVER OWN`, `datagrams
// answer OWN`.
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

int main(int count, char **arguments) {
    struct sockaddr_un own = {.sun_family = AF_UNIX}, server = own, from = own;
    int asks = count == 4 && !strcmp(arguments[1], "ask");
    strcpy(own.sun_path, arguments[asks ? 3 : 2]);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (bind(fd, (void *)&own, sizeof own)) return perror("bind"), 1;
    if (asks) {
        strcpy(server.sun_path, arguments[2]);
        if (sendto(fd, "question", 8, 0, (void *)&server, sizeof server) < 0) return perror("sendto"), 1;
    } else {
        puts("ready"), fflush(stdout);
    }
    char text[40] = "";
    socklen_t length = sizeof from;
    if (recvfrom(fd, text, sizeof text, 0, (void *)&from, &length) < 0) return perror("recvfrom"), 1;
    printf("%s from %s\n", text, from.sun_path);
    if (!asks && sendto(fd, "answer", 6, 0, (void *)&from, length) < 0) return perror("reply"), 1;
    return 0;
}
