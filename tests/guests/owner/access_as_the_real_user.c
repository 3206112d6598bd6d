// access(2) checks for the real user, faccessat2(2) with AT_EACCESS for the effective one.
// user: root
// syscalls: access faccessat2
#include "identity.h"
#define SYS_faccessat2_ 439

static void ask(const char *path) {
    for (int mode = 0; mode < 8; mode++) {
        long real = access(path, mode), e1 = errno;
        long effective = syscall(SYS_faccessat2_, AT_FDCWD, path, mode, AT_EACCESS), e2 = errno;
        say("%s %d: %s, %s", path, mode, real ? errno_name(e1) : "yes", effective ? errno_name(e2) : "yes");
    }
}

static void ask_all(const char *who) {
    say("%s", who);
    ask("root");
    ask("theirs");
    ask("program");
    ask("closed/file");
    ask("directory");
    CALL(access("link", W_OK));
    CALL(faccessat(AT_FDCWD, "link", W_OK, AT_SYMLINK_NOFOLLOW));
}

int main(void) {
    file_of("root", 0, 0, 0600);
    file_of("theirs", 33, 44, 0640);
    file_of("program", 0, 44, 0710);
    directory_of("closed", 33, 33, 0700);
    file_of("closed/file", 0, 0, 0666);
    directory_of("directory", 0, 0, 0);
    NEED(symlink("theirs", "link"));
    ask_all("root");
    pid_t child = fork();
    if (child == 0) {
        NEED(setresgid(44, 0, 0));
        NEED(setresuid(33, 0, 0));
        ask_all("effective root");
        _exit(0);
    }
    reap("child", child);
    child = fork();
    if (child == 0) {
        NEED(setresuid(0, 33, 0));
        ask_all("real root");
        _exit(0);
    }
    reap("child", child);
    AS(34, 44) ask_all("nobody");
    CALL(access("root", 8));
    CALL(syscall(SYS_faccessat2_, AT_FDCWD, "root", 0, 0x8000));
}
