// A name with dots, double slashes and symlinks is reported as it was given.
// syscalls: bind connect getsockname getpeername
#include "../facts.h"

static void names(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX}, back = {0};
    strcpy(a.sun_path, path);
    int server = socket(AF_UNIX, SOCK_DGRAM, 0), client = socket(AF_UNIX, SOCK_DGRAM, 0);
    CALL(bind(server, (void *)&a, sizeof a));
    socklen_t length = sizeof back;
    CALL(getsockname(server, (void *)&back, &length));
    say("'%s', length %d", back.sun_path, length);
    CALL(connect(client, (void *)&back, length));
    memset(&back, 0, sizeof back);
    length = sizeof back;
    CALL(getpeername(client, (void *)&back, &length));
    say("'%s', length %d", back.sun_path, length);
    CALL(bind(client, (void *)&a, sizeof a));
    close(server), close(client);
    CALL(unlink(path));
}

int main(void) {
    NEED(mkdir("odd", 0755));
    NEED(symlink("odd", "relative"));
    NEED(symlink("../bound/dir", "crossing"));
    names("/here/odd/../socket");
    names("/here/./odd//socket");
    names("//here/socket");
    names("/here/relative/socket");
    names("/here/relative/../socket");
    names("/bound/dir/../socket");
    names("/bound/dirlink/socket");
    names("/bound/link/socket");
    names("/here/missing/../socket");
    names("/here/odd/socket/");
    names("/here/odd/");
    names("/here/.");
    names("/");
}
