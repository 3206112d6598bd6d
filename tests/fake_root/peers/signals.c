// Which process may signal which. This is the first process of a PID namespace without others.
#include "identity.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#define SYS_pidfd_send_signal 424
#endif

static void try(const char *whom, pid_t target, pid_t away) {
    say("kill %s: %s", whom, errno_name(kill(target, 0) < 0 ? errno : 0));
    say("kill %s with a bad signal: %s", whom, errno_name(kill(target, 99) < 0 ? errno : 0));
    say("tkill %s: %s", whom, errno_name(syscall(SYS_tkill, target, 0) < 0 ? errno : 0));
    say("tgkill %s: %s", whom, errno_name(syscall(SYS_tgkill, target, target, 0) < 0 ? errno : 0));
    union sigval v = {.sival_int = 5};
    say("sigqueue %s: %s", whom, errno_name(sigqueue(target, 0, v) < 0 ? errno : 0));
    int fd = syscall(SYS_pidfd_open, target, 0);
    say("pidfd %s: %s", whom, errno_name(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) < 0 ? errno : 0));
    close(fd);
    char path[32];
    snprintf(path, sizeof path, "/proc/%d", target);
    fd = open(path, O_RDONLY | O_DIRECTORY);
    say("directory of %s: %s", whom, errno_name(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) < 0 ? errno : 0));
    close(fd);
    say("SIGCONT %s: %s", whom, errno_name(kill(target, SIGCONT) < 0 ? errno : 0));
    if (away) say("SIGCONT %s in another session: %s", whom, errno_name(kill(away, SIGCONT) < 0 ? errno : 0));
}

int main(int count, char **words) {
    if (getpid() != 1) {
        say("not alone");
        return 1;
    }
    // The first process of a namespace can't be killed; everything happens in children.
    int status;
    pid_t a = sleeper(33, 33, 0), b = sleeper(44, 44, a), root = sleeper(0, 0, -1), away = sleeper(44, 44, -2);
    say("root, %d words", count);
    try("33", a, 0);
    AS(33, 33) {
        try("33", a, 0);
        try("44", b, away);
        try("root", root, 0);
        try("init", 1, 0);
        try("nobody", 99999, 0);
        say("self: %s", errno_name(kill(getpid(), 0) < 0 ? errno : 0));
    }
    AS(0, 0) {
        NEED(setresuid(33, 44, 0));
        say("effective 44: %s", errno_name(kill(b, 0) < 0 ? errno : 0));
        say("real 33: %s", errno_name(kill(a, 0) < 0 ? errno : 0));
        say("saved 0: %s", errno_name(kill(root, 0) < 0 ? errno : 0));
    }

    // A process group.
    AS(33, 33) say("kill group: %s", errno_name(kill(-a, SIGUSR1) < 0 ? errno : 0));
    fate("33 in the group", a);
    AS(33, 33) say("kill another's group: %s", errno_name(kill(-a, SIGUSR1) < 0 ? errno : 0));
    AS(33, 33) say("kill no group: %s", errno_name(kill(-99999, SIGUSR1) < 0 ? errno : 0));
    AS(33, 33) {
        NEED(setpgid(0, 0));
        signal(SIGUSR1, SIG_IGN);
        say("kill own group: %s", errno_name(kill(0, SIGUSR1) < 0 ? errno : 0));
    }
    AS(0, 0) say("root kills the group: %s", errno_name(kill(-a, SIGUSR2) < 0 ? errno : 0));
    fate("44 in the group", b);

    // All processes.
    a = sleeper(33, 33, -1);
    b = sleeper(44, 44, -2);
    AS(33, 33) say("33 kills all: %s", errno_name(kill(-1, SIGTERM) < 0 ? errno : 0));
    fate("33", a);
    a = sleeper(33, 33, -2);
    AS(55, 55) say("55 kills all: %s", errno_name(kill(-1, SIGTERM) < 0 ? errno : 0));
    AS(55, 55) say("with a bad signal: %s", errno_name(kill(-1, 99) < 0 ? errno : 0));
    say("still there: %d %d %d %d", waitpid(a, &status, WNOHANG), waitpid(b, &status, WNOHANG),
        waitpid(root, &status, WNOHANG), waitpid(away, &status, WNOHANG));
    pid_t killer = fork();
    if (killer == 0) {
        say("root kills all: %s", errno_name(kill(-1, SIGKILL) < 0 ? errno : 0));
        _exit(7);
    }
    NEED(waitpid(killer, &status, 0));
    say("and lives: %d", WEXITSTATUS(status));
    fate("33", a);
    fate("44", b);
    fate("root", root);
    fate("44 in another session", away);
    AS(0, 0) say("nobody left: %s", errno_name(kill(-1, SIGTERM) < 0 ? errno : 0));
    AS(33, 33) say("nobody left: %s", errno_name(kill(-1, SIGTERM) < 0 ? errno : 0));
    (void)words;
    return 0;
}
