// An exec of set-user-ID and set-group-ID programs: ids, capabilities, AT_SECURE.
// user: root
// syscalls: execve
#include "identity.h"

int main(int argc, char **argv) {
    if (argc > 1) {
        everything(argv[1]);
        say("AT_SECURE %ld AT_UID %ld AT_EUID %ld AT_GID %ld AT_EGID %ld", getauxval(AT_SECURE), getauxval(AT_UID),
            getauxval(AT_EUID), getauxval(AT_GID), getauxval(AT_EGID));
        CALL(setuid(getuid()));
        ids("setuid back");
        return 0;
    }
    program_of("/bin/guest", "root", 0, 0, 04755);
    program_of("/bin/guest", "user", 35, 36, 04755);
    program_of("/bin/guest", "group", 35, 36, 02755);
    program_of("/bin/guest", "both", 35, 36, 06755);
    program_of("/bin/guest", "lock", 35, 36, 02745);
    program_of("/bin/guest", "same", 33, 33, 06755);
    program_of("/bin/guest", "private", 0, 33, 04710);
    put("script", "#!/bin/guest x\n");
    NEED(chown("script", 35, 36));
    NEED(chmod("script", 06755));
    static const char *const names[] = {"./root", "./user", "./group", "./both", "./lock", "./same", "./private", "./script"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        AS(33, 33) run(names[i], names[i]);
        run(names[i], "by root");
    }
    AS(44, 44) run("./private", "not theirs");
    owner("root");
}
