// Programs and scripts run from bindings, their interpreters too.
// bind: ../root/bin:/made/programs
// bind: ../root/bin/report:/tool
// syscalls: execve
#include "../facts.h"

static void run(const char *path) {
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, "x", NULL);
        say("%s: %s", path, errno_name(errno));
        _exit(0);
    }
    reap(path, child);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        show_link("/proc/self/exe");
        show("/proc/self/comm");
        return 0;
    }
    run("/made/programs/guest");
    run("/made/programs/report");
    run("/tool");
    put("/bound/script", "#!/tool with an argument\n");
    NEED(chmod("/bound/script", 0755));
    run("/bound/script");
    run("/data/tobound/script");
    put("/bound/nested/script", "#!/made/programs/../programs/report\n");
    NEED(chmod("/bound/nested/script", 0755));
    NEED(chdir("/bound/nested"));
    run("./script");
    run("../script");
    NEED(symlink("/bound/nested/script", "/here/link"));
    run("/here/link");
    run("/readonly/file");
    run("/boundfile");
}
