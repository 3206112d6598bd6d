// sshd, sudo, su and login as root report events through libaudit. They take a refusal for a
// failure of audit that must end the session. A kernel without audit has no such socket, and they
// continue.
// user: root
// syscalls: socket sendto recvfrom
#include "identity.h"
#include <linux/audit.h>
#include <linux/netlink.h>

int main(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
    if (fd < 0) {
        say("%s", errno == EPROTONOSUPPORT ? "reported or not there" : errno_name(errno));
    } else {
        struct {
            struct nlmsghdr head;
            char text[32];
        } message = {{NLMSG_LENGTH(sizeof message.text), AUDIT_USER, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
                     "op=test res=success"};
        struct {
            struct nlmsghdr head;
            struct nlmsgerr error;
            char rest[256];
        } answer = {0};
        struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
        int error = 0;
        if (sendto(fd, &message, sizeof message, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0 ||
            recv(fd, &answer, sizeof answer, 0) < 0)
            error = errno;
        else
            error = -answer.error.error;
        say("%s", error == 0 || error == ECONNREFUSED ? "reported or not there" : errno_name(error));
        close(fd);
    }
    // Other families of netlink are available.
    int other = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    say("%s", other >= 0 ? "routes" : errno_name(errno));
}
