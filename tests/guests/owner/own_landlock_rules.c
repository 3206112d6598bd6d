// A process that forbids itself by Landlock to write files can still execute programs, and change
// owners and modes.
// user: root
// syscalls: landlock_create_ruleset landlock_add_rule landlock_restrict_self execve chown lchown
// syscalls: chmod
#include "identity.h"
#include "../exec/landlock.h"

int main(int argc, char **argv) {
    if (argc == 1) {
        put("file", "text");
        NEED(symlink("file", "link"));
        NEED(mknod("device", S_IFCHR | 0600, makedev(1, 3)));
        NEED(mkfifo("fifo", 0600));
        NEED(mkdir("free", 0755));
        int rules = forbids(WRITE_FILE | REMOVE_FILE | MAKE | TRUNCATE);
        NEED(allow(rules, "/here/free", MAKE_SYM | MAKE_DIR | MAKE_REG | WRITE_FILE | REMOVE_FILE));
        obey(rules);
        execl("/bin/guest", "guest", "x", NULL);
        say("%s", errno_name(errno));
        return 9;
    }
    CALL(open("file", O_WRONLY));
    CALL(open("file", O_RDONLY) >= 0);
    CALL(chown("file", 1, 2));
    CALL(lchown("link", 3, 4));
    CALL(chown("fifo", 5, 6));
    CALL(chown("device", 7, 8));
    CALL(lchown("link", 9, 10));
    CALL(chmod("file", 04755));
    CALL(chmod("fifo", 0640));
    CALL(symlink("x", "new"));
    CALL(mkdir("new", 0755));
    CALL(unlink("link"));
    CALL(symlink("x", "free/new"));
    CALL(lchown("free/new", 11, 12));
    CALL(mkdir("free/directory", 0755));
    CALL(chown("free/directory", 13, 14));
    CALL(unlink("free/new"));
    run_program("/bin/report");
    AS(33, 44) run_program("/bin/report");
    if (argc == 2) {
        pid_t child = fork();
        if (child == 0) {
            NEED(setgid(55));
            NEED(setuid(66));
            execl("/bin/guest", "guest", "x", "y", NULL);
            _exit(9);
        }
        reap("another", child);
    }
}
