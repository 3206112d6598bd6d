// A watch through one name of a bound directory reports changes through the other.
// syscalls: inotify_add_watch
#include "../facts.h"
#include <sys/inotify.h>

int main(void) {
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    CALL(inotify_add_watch(fd, "/bound/nested", IN_CREATE));
    CALL(inotify_add_watch(fd, "/boundfile", IN_MODIFY));
    CALL(inotify_add_watch(fd, "/made/by/binding", IN_DELETE));
    put("/bound/nested/new", "");
    put("/data/tobound/nested/../nested/newer", "");
    int file = open("/boundfile", O_WRONLY | O_APPEND);
    NEED(write(file, "x", 1));
    CALL(unlink("/made/by/../by/binding/file"));
    char buffer[4096] __attribute__((aligned(8)));
    ssize_t n = read(fd, buffer, sizeof buffer);
    for (char *p = buffer; p < buffer + n;) {
        struct inotify_event *e = (struct inotify_event *)p;
        say("watch %d mask %x name %s", e->wd, e->mask, e->len ? e->name : "");
        p += sizeof *e + e->len;
    }
}
