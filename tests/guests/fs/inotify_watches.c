// inotify watches by guest path, through links and bindings, and reports bare names.
// syscalls: inotify_add_watch inotify_rm_watch
#include "../facts.h"
#include <sys/inotify.h>

static void events(int fd) {
    char buffer[4096] __attribute__((aligned(8)));
    ssize_t n = read(fd, buffer, sizeof buffer);
    if (n < 0) say("no events: %s", errno_name(errno));
    for (char *p = buffer; p < buffer + n;) {
        struct inotify_event *e = (struct inotify_event *)p;
        say("watch %d mask %x name %s", e->wd, e->mask, e->len ? e->name : "");
        p += sizeof *e + e->len;
    }
}

int main(void) {
    int fd = inotify_init1(IN_NONBLOCK);
    CALL(inotify_add_watch(fd, "/here", IN_CREATE | IN_DELETE | IN_MOVE));
    CALL(inotify_add_watch(fd, "/data/dirlink", IN_CREATE));
    CALL(inotify_add_watch(fd, "/data/dir", IN_CREATE | IN_MASK_ADD));
    CALL(inotify_add_watch(fd, "/bound", IN_CREATE | IN_ONLYDIR));
    CALL(inotify_add_watch(fd, "/data/file", IN_ONLYDIR | IN_OPEN));
    CALL(inotify_add_watch(fd, "/data/link", IN_DONT_FOLLOW | IN_DELETE_SELF));
    CALL(inotify_add_watch(fd, "/data/missing", IN_CREATE));
    CALL(inotify_add_watch(fd, "/data/locked/file", IN_OPEN));
    CALL(inotify_add_watch(fd, "/data/unreadable", IN_OPEN));
    CALL(inotify_add_watch(500, "/data", IN_OPEN));
    CALL(inotify_add_watch(fd, "/data", 0));
    put("a", "");
    NEED(rename("a", "b"));
    NEED(unlink("b"));
    events(fd);
    put("/data/dir/new", "");
    put("/data/tobound/new", "");
    events(fd);
    NEED(unlink("/data/link"));
    events(fd);
    CALL(inotify_rm_watch(fd, 1));
    events(fd);
    events(fd);
}
