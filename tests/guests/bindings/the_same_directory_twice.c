// A host directory that is bound at two paths is one directory with two names.
// bind: bound:/alias
// bind: nested:/alias/nested
// syscalls: getcwd rename link
#include "../facts.h"

static void here(void) {
    char cwd[PATH_MAX];
    say("in %s", getcwd(cwd, sizeof cwd) ? cwd : errno_name(errno));
}

int main(void) {
    put("/alias/new", "seen twice\n");
    show("/bound/new");
    struct stat a, b;
    NEED(stat("/alias", &a));
    NEED(stat("/bound", &b));
    say("same: %d", a.st_ino == b.st_ino && a.st_dev == b.st_dev);
    CALL(chdir("/alias"));
    here();
    CALL(chdir("dir"));
    here();
    CALL(chdir("/bound/dir"));
    here();
    CALL(chdir("../../alias/dirlink"));
    here();
    CALL(chdir(".."));
    here();
    CALL(chdir("/bound"));
    CALL(chdir("dir"));
    here();
    pid_t child = fork();
    if (child == 0) {
        here();
        NEED(chdir("/alias/dir"));
        here();
        _exit(0);
    }
    reap("child", child);
    here();
    show_link("/proc/self/cwd");
    CALL(rename("/alias/new", "/bound/newer"));
    CALL(link("/alias/new", "/bound/newer"));
    CALL(rename("/alias/new", "/alias/newer"));
    list("/bound");
}
