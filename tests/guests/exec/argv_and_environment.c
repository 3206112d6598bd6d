// argv and the environment arrive as they were given, odd ones too.
// syscalls: execve
#include "../facts.h"

extern char **environ;

static void run(const char *what, char **argv, char **env) {
    pid_t child = fork();
    if (child == 0) {
        execve("/bin/guest", argv, env);
        say("%s: %s", what, errno_name(errno));
        _exit(0);
    }
    reap(what, child);
}

int main(int argc, char **argv) {
    if (argc != 1 || strcmp(argv[0], "/bin/guest")) {
        say("argc %d", argc);
        for (int i = 0; i < argc; i++) say("argv[%d] = '%s'", i, argv[i]);
        for (int i = 0; environ[i]; i++) say("environ[%d] = '%s'", i, environ[i]);
        return 0;
    }
    // newroot sets PWD, as bwrap does; chroot doesn't.
    unsetenv("PWD");
    static const char *const names[] = {"HOME", "LC_ALL", "PATH", "TERM", "USER", "LD_PRELOAD"};
    for (int i = 0; i < 6; i++) say("%s is %s", names[i], getenv(names[i]) ? getenv(names[i]) : "unset");
    int count = 0;
    while (environ[count]) count++;
    say("%d in all", count);
    run("another name", (char *[]){"renamed", "a", NULL}, (char *[]){"A=1", NULL});
    run("empty strings", (char *[]){"", "", "", NULL}, (char *[]){"", "=", "A=", NULL});
    run("odd bytes", (char *[]){"x\ny", "\xff\xfe", "--", "-r", "--help", NULL}, (char *[]){"NO_EQUALS", "A=1", "A=2", NULL});
    run("no arguments", (char *[]){NULL}, (char *[]){"A=1", NULL});
    run("null arguments", NULL, (char *[]){"A=1", NULL});
    run("null environment", (char *[]){"x", NULL}, NULL);
    run("environment of the loader", (char *[]){"x", NULL}, (char *[]){"LD_PRELOAD=/none", "LD_LIBRARY_PATH=/x", "NEWROOT=1", "NEWROOT_PLAN=x", NULL});
}
