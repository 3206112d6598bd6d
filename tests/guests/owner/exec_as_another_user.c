// execve(2) by users who may and who may not, root among them.
// user: root
// syscalls: execve
#include "identity.h"

int main(int argc, char **argv) {
    if (argc > 1) {
        say("runs as %d %d", getuid(), geteuid());
        return 0;
    }
    static const mode_t modes[] = {0755, 0700, 0070, 0007, 0111, 0011, 0644, 0};
    for (int i = 0; i < 8; i++) {
        char name[32];
        snprintf(name, sizeof name, "./p%o", modes[i]);
        program_of("/bin/guest", name, 33, 44, modes[i]);
        run(name, "x");
        AS(33, 33) run(name, "owner");
        AS(34, 44) run(name, "group");
        AS(35, 35) run(name, "other");
    }
    directory_of("hidden", 0, 0, 0700);
    program_of("/bin/guest", "hidden/p", 0, 0, 0755);
    AS(33, 33) run("hidden/p", "x");
    put("script", "#!/here/hidden/p x\n");
    NEED(chmod("script", 0755));
    AS(33, 33) run("./script", "x");
    run("./script", "x");
    put("unreadable", "#!/bin/guest x\n");
    NEED(chmod("unreadable", 0711));
    AS(33, 33) run("./unreadable", "x");
    run("/here", "x");
    AS(33, 33) run("/here", "x");
}
