// A program that is open for writing can't be executed, nor one whose interpreter is open for
// writing. (Before Linux 6.14 no process can ask the kernel, so newroot runs it.)
// syscalls: execve execveat openat
#include "../facts.h"
#include <sys/utsname.h>

static void copy(const char *from_path, int to) {
    int from = open(from_path, O_RDONLY);
    char block[65536];
    for (ssize_t n; (n = read(from, block, sizeof block)) > 0;) NEED(write(to, block, n));
    close(from);
}

static void run(const char *path) {
    pid_t child = fork();
    if (child == 0) {
        execl(path, "run", "it", NULL);
        say("%s: %s", path, errno_name(errno));
        _exit(9);
    }
    reap(path, child);
}

int main(void) {
    struct utsname system;
    int major, minor;
    NEED(uname(&system));
    sscanf(system.release, "%d.%d", &major, &minor);
    if (major * 100 + minor < 614) {
        say("the kernel can't be asked");
        return 0;
    }
    int to = open("copy", O_WRONLY | O_CREAT, 0755);
    copy("/bin/report", to);
    put("script", "#!/here/copy\n");
    NEED(chmod("script", 0755));
    CALL(execl("./copy", "copy", NULL));
    CALL(execl("./script", "script", NULL));
    CALL(execl("/here/copy", "copy", NULL));
    CALL(syscall(SYS_execveat, open("copy", O_PATH | O_CLOEXEC), "", (char *[]){"copy", NULL}, NULL, AT_EMPTY_PATH));
    close(to);
    run("./copy");
    run("./script");
    // The same holds for scripts; a file that is open only for reading can be executed.
    int script = open("script", O_RDWR);
    CALL(execl("./script", "script", NULL));
    close(script);
    open("script", O_RDONLY);
    open("copy", O_RDONLY);
    run("./script");
}
