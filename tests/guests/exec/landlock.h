// Landlock by direct system calls.
#include "../facts.h"
#include <sys/prctl.h>

enum {
    EXECUTE = 1, WRITE_FILE = 2, READ_FILE = 4, READ_DIR = 8, REMOVE_DIR = 16, REMOVE_FILE = 32, MAKE_CHAR = 64,
    MAKE_DIR = 128, MAKE_REG = 256, MAKE_SOCK = 512, MAKE_FIFO = 1024, MAKE_BLOCK = 2048, MAKE_SYM = 4096,
    REFER = 8192, TRUNCATE = 16384
};
#define MAKE (MAKE_CHAR | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_BLOCK | MAKE_SYM)

// Makes a ruleset that forbids this access, except for files that rules allow.
__attribute__((unused)) static int forbids(uint64_t access) {
    int rules = syscall(444, &access, sizeof access, 0);
    NEED(rules);
    return rules;
}

__attribute__((unused)) static long allow(int rules, const char *path, uint64_t access) {
    struct {
        uint64_t access;
        int32_t fd;
    } __attribute__((packed)) rule = {access, open(path, O_PATH | O_CLOEXEC)};
    if (rule.fd < 0) return -1;
    long result = syscall(445, rules, 1, &rule, 0);
    int error = errno;
    close(rule.fd);
    errno = error;
    return result;
}

__attribute__((unused)) static void obey(int rules) {
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    NEED(syscall(446, rules, 0));
    NEED(close(rules));
}

__attribute__((unused)) static void copy(const char *from, const char *to) {
    char buffer[65536];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    NEED(in);
    NEED(out);
    for (ssize_t n; (n = read(in, buffer, sizeof buffer)) > 0;) NEED(write(out, buffer, n));
    close(in);
    close(out);
    NEED(chmod(to, 0755));
}

// Executes a program in a child.
__attribute__((unused)) static void run_program(const char *path) {
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, "x", NULL);
        say("%s: %s", path, errno_name(errno));
        _exit(9);
    }
    reap(path, child);
}
