// fexecve and execveat: programs, scripts, memfds, close-on-exec and their flags.
// syscalls: execveat
#include "../facts.h"

extern char **environ;
static char *arguments[] = {"report", "x", NULL};

static void at(const char *what, int fd, const char *path, int flags) {
    pid_t child = fork();
    if (child == 0) {
        syscall(SYS_execveat, fd, path, arguments, environ, flags);
        say("%s: %s", what, errno_name(errno));
        _exit(0);
    }
    reap(what, child);
}

int main(void) {
    int program = open("/bin/report", O_RDONLY), closing = open("/bin/report", O_RDONLY | O_CLOEXEC), bin = open("/bin", O_RDONLY), path = open("/bin/report", O_PATH | O_CLOEXEC);
    put("script", "#!/bin/report from-script\n");
    NEED(chmod("script", 0755));
    NEED(symlink("/bin/report", "link"));
    int script = open("script", O_RDONLY), closing_script = open("script", O_RDONLY | O_CLOEXEC);
    at("a program", program, "", AT_EMPTY_PATH);
    at("a closing program", closing, "", AT_EMPTY_PATH);
    at("an O_PATH program", path, "", AT_EMPTY_PATH);
    at("no flag", program, "", 0);
    at("below a directory", bin, "report", 0);
    at("above a directory", bin, "../bin/report", 0);
    at("absolute", 500, "/bin/report", 0);
    at("relative to nothing", 500, "report", 0);
    at("relative to a file", program, "report", 0);
    at("a link", AT_FDCWD, "link", 0);
    at("a link not followed", AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW);
    at("a file not followed", AT_FDCWD, "/bin/report", AT_SYMLINK_NOFOLLOW);
    at("a script", AT_FDCWD, "script", 0);
    at("a script below", open("/here", O_RDONLY), "script", 0);
    at("a script's descriptor", script, "", AT_EMPTY_PATH);
    at("a closing script's", closing_script, "", AT_EMPTY_PATH);
    at("a directory", bin, "", AT_EMPTY_PATH);
    at("a bad flag", bin, "report", 1 << 20);
    int memory = memfd_create("in memory", MFD_CLOEXEC);
    char block[65536];
    for (ssize_t n; (n = read(program, block, sizeof block)) > 0;) NEED(write(memory, block, n));
    at("a memfd", memory, "", AT_EMPTY_PATH);
    char self[40];
    snprintf(self, sizeof self, "/proc/self/fd/%d", memory);
    at("a memfd's link", AT_FDCWD, self, 0);
    pid_t child = fork();
    if (child == 0) {
        fexecve(memory, arguments, environ);
        _exit(9);
    }
    reap("fexecve", child);
}
