// sendto, recvfrom, sendmsg, recvmsg, sendmmsg and recvmmsg carry names both ways.
// syscalls: sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg
#include "../facts.h"

static int bound(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    NEED(bind(fd, (void *)&a, offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1));
    return fd;
}

int main(void) {
    struct sockaddr_un to = {AF_UNIX, "/here/server"}, from, from2;
    int server = bound("/here/server"), client = bound("client"), far = bound("/bound/far"), nameless = socket(AF_UNIX, SOCK_DGRAM, 0);
    char text[20], text2[20];
    socklen_t length;
    int senders[] = {client, far, nameless};
    for (int i = 0; i < 3; i++) {
        CALL(sendto(senders[i], "hello", 6, 0, (void *)&to, sizeof to));
        length = sizeof from;
        memset(&from, 0, sizeof from);
        CALL(recvfrom(server, text, sizeof text, 0, (void *)&from, &length));
        say("from '%s', length %d", length > 2 ? from.sun_path : "", length);
    }
    struct iovec part = {"message", 8}, into = {text, sizeof text}, into2 = {text2, sizeof text2};
    struct msghdr out = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &part, .msg_iovlen = 1};
    struct msghdr in = {.msg_name = &from, .msg_namelen = sizeof from, .msg_iov = &into, .msg_iovlen = 1};
    CALL(sendmsg(far, &out, 0));
    memset(&from, 0, sizeof from);
    CALL(recvmsg(server, &in, 0));
    say("%s from '%s', length %d, flags %x", text, from.sun_path, in.msg_namelen, in.msg_flags);
    struct mmsghdr two[2] = {{out}, {out}}, got[2];
    CALL(sendmmsg(client, two, 2, 0));
    say("lengths %d %d", two[0].msg_len, two[1].msg_len);
    memset(&from, 0, sizeof from), memset(&from2, 0, sizeof from2);
    got[0].msg_hdr = got[1].msg_hdr = in;
    got[0].msg_hdr.msg_namelen = got[1].msg_hdr.msg_namelen = sizeof from;
    got[1].msg_hdr.msg_name = &from2;
    got[1].msg_hdr.msg_iov = &into2;
    CALL(recvmmsg(server, got, 2, 0, NULL));
    say("'%s' %d, '%s' %d", from.sun_path, got[0].msg_hdr.msg_namelen, from2.sun_path, got[1].msg_hdr.msg_namelen);
    CALL(connect(nameless, (void *)&to, sizeof to));
    CALL(send(nameless, "x", 1, 0));
    CALL(recvfrom(server, text, sizeof text, 0, NULL, NULL));
    strcpy(to.sun_path, "/here/missing");
    CALL(sendto(client, "x", 1, 0, (void *)&to, sizeof to));
    CALL(sendmsg(client, &out, 0));
    CALL(sendmmsg(client, two, 2, 0));
    out.msg_name = (void *)16;
    CALL(sendmsg(client, &out, 0));
    CALL(sendmsg(client, (void *)16, 0));
    CALL(sendto(client, "x", 1, 0, (void *)16, 20));
    CALL(sendto(client, "x", 1, 0, NULL, 0));
    CALL(recvmsg(server, (void *)16, MSG_DONTWAIT));
    CALL(recvfrom(server, text, sizeof text, MSG_DONTWAIT, (void *)&from, &length));
}
