// A filter belongs to the thread, not to the program: it holds after an exec, in children and in
// the programs that these execute.
// syscalls: seccomp prctl execve
#include "../filters.h"

static void look(const char *who) {
    say("-- %s", who);
    CALL(mkdir("x", 0755));
    CALL(rmdir("x"));
    CALL(chmod("/data/file", 0644));
    CALL(access("/data/link", R_OK));
    show("/bound/abs");
}

static void again(const char *stage) {
    execl("/bin/guest", "guest", stage, NULL);
    say("exec: %s", errno_name(errno));
    _exit(97);
}

int main(int argc, char **argv) {
    const char *stage = argc > 1 ? argv[1] : "first";
    look(stage);
    if (!strcmp(stage, "first")) {
        NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        deny(SYS_mkdir, EDQUOT);
        again("second");
    } else if (!strcmp(stage, "second")) {
        // Stacked on the filter that passed through the exec.
        deny(SYS_chmod, EIO);
        look("stacked");
        pid_t child = fork();
        if (child == 0) again("third");
        reap("child", child);
        child = vfork();
        if (child == 0) again("third");
        reap("vfork child", child);
        again("third");
    } else {
        deny(SYS_mkdir, ENOSPC);
        look("the newest answers");
        execl("/bin/report", "report", "at the end", NULL);
    }
}
