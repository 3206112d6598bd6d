// With RLIMIT_NOFILE 16, the guest can use all sixteen.
// syscalls: prlimit64 newfstatat openat access readlink mkdir rename chdir chmod truncate bind
// syscalls: execve
#include "../facts.h"

int main(int argc, char **argv) {
    if (argc == 1) {
        NEED(setrlimit(RLIMIT_NOFILE, &(struct rlimit){16, 16}));
        execl("/bin/guest", "guest", "x", NULL);
    }
    int last = -1, fd;
    while ((fd = open("/data/link", O_RDONLY)) >= 0) last = fd;
    say("last %d, then %s", last, errno_name(errno));
    struct stat s;
    char target[100];
    CALL(stat("/bound/abs", &s));
    CALL(stat("/data/missing", &s));
    CALL(access("/data/outwards", R_OK));
    CALL(readlink("/proc/self/exe", target, sizeof target));
    CALL(mkdir("d", 0755));
    CALL(rename("d", "e"));
    CALL(rmdir("e"));
    CALL(chdir("/bound/dirlink"));
    say("%s", getcwd(target, sizeof target));
    CALL(unlink("inner"));
    CALL(symlink("x", "y"));
    CALL(chmod("/bound/link", 0600));
    CALL(truncate("/bound/link", 3));
    CALL(open("/data/file", O_RDONLY));
    CALL(socket(AF_UNIX, SOCK_STREAM, 0));
    CALL(opendir("/data") == NULL);
    CALL(close(last));
    CALL(open("/data/missing", O_RDONLY));
    CALL(open("/data/absdir/inner", O_RDONLY));
    CALL(close(7));
    int server = CALL(socket(AF_UNIX, SOCK_STREAM, 0));
    CALL(bind(server, (void *)&(struct sockaddr_un){AF_UNIX, "/here/socket"}, sizeof(struct sockaddr_un)));
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/report", "report", "with no descriptor to spare", NULL);
        say("%s", errno_name(errno));
        _exit(9);
    }
    reap("exec", child);
}
