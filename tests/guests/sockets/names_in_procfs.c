// /proc/net/unix shows the names by which sockets were bound.
// syscalls: bind openat
#include "../facts.h"

static void find(const char *file, int fd) {
    struct stat stat;
    NEED(fstat(fd, &stat));
    char line[400], name[200];
    unsigned long inode;
    FILE *list = fopen(file, "r");
    if (!list) { say("%s: %s", file, errno_name(errno)); return; }
    int first = 1, found = 0;
    while (fgets(line, sizeof line, list)) {
        if (first) say("%s", strtok(line, "\n")), first = 0;
        *name = 0;
        if (sscanf(line, "%*x: %*x %*x %*x %*x %*x %lu %199[^\n]", &inode, name) >= 1 && inode == stat.st_ino)
            say("%s has '%s'", file, name), found = 1;
    }
    if (!found) say("%s doesn't have it", file);
    fclose(list);
}

static int bound(int type, const char *path, int size) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    memcpy(a.sun_path, path, size);
    int fd = socket(AF_UNIX, type, 0);
    NEED(bind(fd, (void *)&a, offsetof(struct sockaddr_un, sun_path) + size));
    return fd;
}

int main(void) {
    char abstract[40];
    int length = sprintf(abstract, "%c/newroot test /%d", 0, getpid());
    int sockets[] = {
        bound(SOCK_STREAM, "/here/a socket", 15), bound(SOCK_DGRAM, "/bound/x", 9), bound(SOCK_DGRAM, "relative", 9),
        bound(SOCK_SEQPACKET, "/made/by/binding/s", 19), socket(AF_UNIX, SOCK_STREAM, 0),
    };
    for (int i = 0; i < 5; i++) find("/proc/net/unix", sockets[i]);
    find("/proc/self/net/unix", sockets[0]);
    find("/proc/thread-self/net/unix", sockets[1]);
    int fd = bound(SOCK_DGRAM, abstract, length), list = open("/proc/net/unix", O_RDONLY), got = 0, size;
    static char text[1 << 20];
    while ((size = read(list, text + got, sizeof text - 1 - got)) > 0) got += size;
    say("abstract %d", strstr(text, "@/newroot test /") != NULL);
    CALL(open("/proc/net/unix", O_WRONLY));
    CALL(open("/proc/self/net/unix/x", O_RDONLY));
    show_stat("/proc/self/net/unix");
    close(fd);
}
