// The errors of bind and connect by path.
// syscalls: bind connect
#include "../facts.h"

static long do_bind(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    long r = bind(fd, (void *)&a, sizeof a);
    int e = errno;
    close(fd);
    errno = e;
    return r;
}

static long do_connect(const char *path, int type) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, type, 0);
    long r = connect(fd, (void *)&a, sizeof a);
    int e = errno;
    close(fd);
    errno = e;
    return r;
}

int main(void) {
    CALL(do_bind("/data/file"));
    CALL(do_bind("/data/dangling"));
    CALL(do_bind("/data/missing/s"));
    CALL(do_bind("/data/file/s"));
    CALL(do_bind("/data/locked/s"));
    CALL(do_bind("/data/loop/s"));
    CALL(do_bind("/bound"));
    CALL(do_bind("/"));
    CALL(do_bind("."));
    CALL(do_bind("trailing/"));
    CALL(do_connect("/data/file", SOCK_STREAM));
    CALL(do_connect("/data/dir", SOCK_STREAM));
    CALL(do_connect("/data/missing", SOCK_STREAM));
    CALL(do_connect("/data/file/x", SOCK_STREAM));
    CALL(do_connect("/data/locked/x", SOCK_STREAM));
    CALL(do_connect("/data/loop", SOCK_STREAM));
    CALL(do_bind("left"));
    CALL(do_connect("left", SOCK_STREAM));
    CALL(do_connect("/here/left", SOCK_DGRAM));
    NEED(chmod("left", 0));
    CALL(do_connect("left", SOCK_STREAM));
    struct sockaddr_un a = {AF_UNIX, "/here/live"};
    int server = socket(AF_UNIX, SOCK_STREAM, 0);
    NEED(bind(server, (void *)&a, sizeof a));
    CALL(do_connect("/here/live", SOCK_STREAM));
    NEED(listen(server, 5));
    CALL(do_connect("/here/live", SOCK_STREAM));
    CALL(do_connect("/here/live", SOCK_DGRAM));
    NEED(symlink("/here/live", "/bound/tolive"));
    CALL(do_connect("/bound/tolive", SOCK_STREAM));
    CALL(do_bind("/bound/tolive"));
    CALL(bind(server, (void *)&a, sizeof a));
    a.sun_family = AF_INET;
    CALL(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a));
    CALL(bind(0, (void *)&a, sizeof a));
    CALL(connect(500, (void *)&a, sizeof a));
}
