// exe, cwd, root and fd of /proc/self, thread-self and /proc/PID in guest terms.
// syscalls: readlink
#include "../facts.h"

static void fd_link(int fd) {
    char name[60];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    show_link(name);
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    show_link(name);
    show_stat(name);
}

int main(void) {
    show_link("/proc/self/exe");
    show_link("/proc/self/cwd");
    show_link("/proc/self/root");
    show_link("/proc/thread-self/cwd");
    show_link("/proc/thread-self/exe");
    char name[80], target[20];
    snprintf(name, sizeof name, "/proc/%d/exe", getpid());
    CALL(readlink(name, target, sizeof target));
    snprintf(name, sizeof name, "/proc/self/task/%d/cwd", gettid());
    CALL(readlink(name, target, sizeof target));
    snprintf(name, sizeof name, "/proc/../proc/./self//fd/%d", open("/data/abs", O_RDONLY));
    show_link(name);
    fd_link(open("/bound/dirlink/inner", O_RDONLY));
    fd_link(open("/bound/nested", O_RDONLY));
    fd_link(open("/boundfile", O_PATH));
    fd_link(open("/", O_RDONLY));
    fd_link(open("/data/link", O_PATH | O_NOFOLLOW));
    fd_link(open("/made/by/binding", O_PATH));
    fd_link(open("/dev/null", O_RDWR));
    fd_link(500);
    CALL(readlink("/proc/self/exe", target, 4));
    say("%.4s", target);
    NEED(symlink("/proc/self/cwd", "tocwd"));
    show("tocwd/../data/file");
    show("/proc/self/cwd/../data/link");
    show("/proc/self/root/bound/nested/file");
    show("/proc/self/root/../data/file");
    NEED(symlink("/proc/self/root/data", "toroot"));
    show("toroot/abs");
    snprintf(name, sizeof name, "/proc/self/fd/%d/nested/file", open("/bound", O_PATH));
    show(strchr(name, '/'));
    snprintf(name, sizeof name, "/proc/self/fd/%d/../data/file", open("/bound", O_PATH));
    show(name);
    NEED(chdir("/proc/self"));
    show_link("root");
    show("root/data/file");
    NEED(chdir("/proc/self/fd"));
    show_link("3");
    CALL(unlink("/proc/self/exe"));
    CALL(rename("/proc/self/cwd", "x"));
    CALL(open("/proc/self/cwd", O_WRONLY));
    CALL(chdir("/proc/self/cwd/dir"));
    CALL(chdir("/proc/self/exe"));
}
