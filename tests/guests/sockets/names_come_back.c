// bind, getsockname, getpeername and accept use guest paths, byte for byte as they were given.
// syscalls: bind connect accept4 getsockname getpeername
#include "../facts.h"

static void show_name(const char *what, long result, struct sockaddr_un *a, socklen_t length) {
    if (result < 0) say("%s: %s", what, errno_name(errno));
    else if (length <= 2) say("%s: unnamed, length %d", what, length);
    else say("%s: '%s', length %d", what, a->sun_path, length);
}

static void names(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX}, back;
    strcpy(a.sun_path, path);
    say("socket %s", path);
    int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    CALL(bind(server, (void *)&a, offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1));
    CALL(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a));
    CALL(listen(server, 5));
    socklen_t length = sizeof back;
    memset(&back, 0, sizeof back);
    show_name("getsockname", getsockname(server, (void *)&back, &length), &back, length);
    show_lstat(path);
    CALL(connect(client, (void *)&a, sizeof a));
    length = sizeof back;
    memset(&back, 0, sizeof back);
    show_name("getpeername", getpeername(client, (void *)&back, &length), &back, length);
    length = sizeof back;
    int got = accept4(server, (void *)&back, &length, 0);
    show_name("accept", got, &back, length);
    length = sizeof back;
    show_name("its name", getsockname(got, (void *)&back, &length), &back, length);
    CALL(unlink(path));
    length = sizeof back;
    memset(&back, 0, sizeof back);
    show_name("after unlink", getsockname(server, (void *)&back, &length), &back, length);
    close(server), close(client), close(got), close(4), close(5);
}

int main(void) {
    NEED(mkdir("odd", 0755));
    names("/here/socket");
    names("relative");
    names("../here/./odd//name");
    names("/bound/socket");
    names("/made/by/binding/s");
    NEED(symlink("/bound/dir", "todir"));
    names("todir/through-a-link");
    NEED(chdir("/bound"));
    names("here");
}
