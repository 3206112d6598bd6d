// A thread with 16 KiB of stack and a guard page below it makes every call that names files.
// syscalls: openat mkdir rename rmdir readlink bind unlink getcwd
#include "../facts.h"

static int wrong;

static void *work(void *unused) {
    struct stat st;
    char name[64];
    if (stat("/data/outwards", &st) < 0) wrong++;
    if (stat("/data/loop", &st) == 0 || errno != ELOOP) wrong++;
    if (open("/data/dangling", O_RDONLY) >= 0) wrong++;
    if (mkdir("/here/x", 0755) < 0 || rename("/here/x", "/here/y") < 0 || rmdir("/here/y") < 0) wrong++;
    if (readlink("/proc/self/cwd", name, sizeof name) != 5) wrong++;
    if (syscall(SYS_getcwd, name, sizeof name) != 6) wrong++;
    int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct sockaddr_un a = {AF_UNIX, "/here/socket"};
    if (bind(s, (void *)&a, sizeof a) < 0 || unlink("/here/socket") < 0) wrong++;
    close(s);
    return NULL;
}

int main(void) {
    pthread_attr_t small;
    pthread_attr_init(&small);
    CALL(pthread_attr_setstacksize(&small, 16384));
    for (int i = 0; i < 50; i++) {
        pthread_t t;
        int e = pthread_create(&t, &small, work, NULL);
        if (e) say("%s", errno_name(e));
        else pthread_join(t, NULL);
    }
    say("%d wrong", wrong);
}
