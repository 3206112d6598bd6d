// kill(2): which processes a user may signal.
// user: root
// syscalls: kill tkill tgkill
#include "identity.h"

static pid_t sleeper(uid_t r, uid_t e, uid_t s) {
    int ready[2];
    NEED(pipe(ready));
    pid_t child = fork();
    if (child == 0) {
        NEED(setresuid(r, e, s));
        NEED(write(ready[1], "", 1));
        for (;;) pause();
    }
    char c;
    NEED(read(ready[0], &c, 1));
    close(ready[0]);
    close(ready[1]);
    return child;
}

int main(void) {
    signal(SIGUSR1, SIG_IGN);
    static const uid_t targets[][3] = {{0, 0, 0}, {33, 33, 33}, {33, 34, 34}, {34, 34, 33}, {34, 33, 34}, {0, 33, 33}};
    for (int i = 0; i < 6; i++) {
        pid_t target = sleeper(targets[i][0], targets[i][1], targets[i][2]);
        say("%d %d %d", targets[i][0], targets[i][1], targets[i][2]);
        AS(33, 33) {
            CALL(kill(target, 0));
            CALL(kill(target, SIGUSR1));
            CALL(syscall(SYS_tkill, target, SIGUSR1));
            CALL(syscall(SYS_tgkill, target, target, SIGUSR1));
            CALL(kill(target, SIGCONT));
            CALL(kill(target, 99));
        }
        pid_t child = fork();
        if (child == 0) {
            NEED(setresuid(34, 33, 35));
            CALL(kill(target, SIGUSR1));
            _exit(0);
        }
        NEED(waitpid(child, NULL, 0));
        NEED(kill(target, SIGKILL));
        NEED(waitpid(target, NULL, 0));
    }
    AS(33, 33) {
        CALL(kill(getpid(), SIGUSR1));
        CALL(kill(getppid(), SIGUSR1));
        CALL(kill(999999, 0));
    }
}
