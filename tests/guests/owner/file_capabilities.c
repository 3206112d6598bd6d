// security.capability: what an exec gains by it, and which changes remove it from the file.
// user: root
// syscalls: setxattr removexattr execve
#include "identity.h"

static void grant(const char *path, unsigned permitted, bool effective, unsigned inheritable) {
    unsigned value[5] = {0x02000000 | effective, permitted, inheritable, 0, 0};
    CALL(setxattr(path, "security.capability", value, sizeof value, 0));
}

static void has(const char *path) {
    char value[64];
    ssize_t n = getxattr(path, "security.capability", value, sizeof value);
    say("%s: %zd %s", path, n, n < 0 ? errno_name(errno) : "");
}

int main(int argc, char **argv) {
    if (argc > 1) {
        everything(argv[1]);
        say("AT_SECURE %ld", getauxval(AT_SECURE));
        return 0;
    }
    program_of("/bin/guest", "p", 0, 0, 0755);
    run("./p", "none");
    grant("p", 1 << CAP_CHOWN | 1 << CAP_NET_RAW, true, 0);
    has("p");
    AS(33, 33) run("./p", "effective");
    run("./p", "by root");
    grant("p", 1 << CAP_CHOWN, false, 1 << CAP_KILL);
    AS(33, 33) run("./p", "permitted");
    CALL(chmod("p", 04755));
    has("p");
    AS(33, 33) run("./p", "with set-user-ID");
    AS(33, 33) {
        CALL(setxattr("p", "security.capability", "x", 1, 0));
        CALL(removexattr("p", "security.capability"));
    }
    CALL(setxattr("p", "security.capability", "x", 1, 0));
    CALL(setxattr("p", "security.capability", "", 0, 0));
    CALL(prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0));
    grant("p", 1 << CAP_CHOWN | 1 << CAP_NET_RAW, false, 0);
    AS(33, 33) run("./p", "bounded");
    grant("p", 1 << CAP_CHOWN, true, 0);
    AS(33, 33) run("./p", "too much");
    CALL(chown("p", 0, 0));
    has("p");
    grant("p", 1 << CAP_KILL, true, 0);
    has("p");
    CALL(removexattr("p", "security.capability"));
    CALL(removexattr("p", "security.capability"));
}
