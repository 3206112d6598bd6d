// A descriptor sent over a socket names the same guest file in the receiver.
// syscalls: sendmsg recvmsg
#include "../facts.h"

int main(void) {
    int pair[2];
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    pid_t child = fork();
    char c = 'x';
    struct iovec part = {&c, 1};
    union { struct cmsghdr header; char bytes[CMSG_SPACE(2 * sizeof(int))]; } control;
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    if (child == 0) {
        int fds[2] = {open("/bound/nested/file", O_RDONLY), open("/bound/dir", O_RDONLY)};
        control.header = (struct cmsghdr){CMSG_LEN(sizeof fds), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), fds, sizeof fds);
        NEED(sendmsg(pair[1], &m, 0));
        _exit(0);
    }
    CALL(recvmsg(pair[0], &m, MSG_CMSG_CLOEXEC));
    int fds[2];
    memcpy(fds, CMSG_DATA(&control.header), sizeof fds);
    say("received %d and %d", fds[0], fds[1]);
    show_fd("the file", fds[0]);
    char name[40];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fds[0]);
    show_link(name);
    CALL(faccessat(fds[1], "inner", R_OK, 0));
    CALL(faccessat(fds[1], "../../data/file", R_OK, 0));
    CALL(fchdir(fds[1]));
    char cwd[100];
    say("%s", getcwd(cwd, sizeof cwd));
    reap("child", child);
}
