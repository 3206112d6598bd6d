// A bound file is written in place, and behaves as a file in every call.
// syscalls: openat truncate chmod readlink access chdir
#include "../facts.h"

int main(void) {
    show("/boundfile");
    put("/boundfile", "written\n");
    show("/boundfile");
    int fd = open("/boundfile", O_WRONLY | O_APPEND);
    NEED(write(fd, "more\n", 5));
    show("/boundfile");
    show_stat("/boundfile");
    CALL(truncate("/boundfile", 3));
    CALL(chmod("/boundfile", 0600));
    show_lstat("/boundfile");
    CALL(open("/boundfile", O_RDONLY | O_DIRECTORY));
    CALL(open("/boundfile/", O_RDONLY));
    CALL(open("/boundfile/x", O_RDONLY));
    CALL(open("/boundfile", O_RDONLY | O_NOFOLLOW));
    CALL(open("/boundfile", O_RDWR | O_CREAT, 0644));
    CALL(readlink("/boundfile", (char[9]){0}, 9));
    CALL(chdir("/boundfile"));
    CALL(opendir("/boundfile") == NULL);
    NEED(symlink("/boundfile", "to"));
    show("to");
    NEED(chdir("/"));
    show("boundfile");
    show("./boundfile");
    show("data/../boundfile");
    CALL(access("boundfile", W_OK));
    char self[40];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    show_link(self);
}
