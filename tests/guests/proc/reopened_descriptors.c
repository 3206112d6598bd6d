// Opening /proc/self/fd/N or /dev/stdin opens the file anew.
// syscalls: openat
#include "../facts.h"

int main(void) {
    put("f", "0123456789");
    int fd = open("f", O_RDONLY);
    NEED(lseek(fd, 5, SEEK_SET));
    char name[40];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    int again = CALL(open(name, O_RDWR));
    show_fd("again", again);
    show_fd("first", fd);
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    int third = CALL(open(name, O_RDONLY));
    show_fd("third", third);
    CALL(open(name, O_RDONLY | O_NOFOLLOW));
    CALL(open(name, O_WRONLY | O_TRUNC));
    show("f");
    int path = open("/bound/file", O_PATH);
    snprintf(name, sizeof name, "/proc/self/fd/%d", path);
    int real = CALL(open(name, O_RDONLY));
    show_fd("through O_PATH", real);
    struct stat s;
    CALL(lstat(name, &s));
    say("%s", type_name(s.st_mode));
    CALL(stat(name, &s));
    say("%s of %ld bytes", type_name(s.st_mode), (long)s.st_size);
    CALL(access(name, W_OK));
    int ends[2];
    NEED(pipe(ends));
    snprintf(name, sizeof name, "/proc/self/fd/%d", ends[1]);
    int writer = CALL(open(name, O_WRONLY));
    NEED(write(writer, "through the pipe\n", 17));
    show_fd("pipe", ends[0]);
    dup2(real, 0);
    lseek(0, 0, SEEK_SET);
    show("/dev/stdin");
    show("/proc/self/fd/0");
    int memory = memfd_create("notes", 0);
    NEED(write(memory, "in memory\n", 10));
    snprintf(name, sizeof name, "/proc/self/fd/%d", memory);
    show(name);
    show_link(name);
    int pair[2];
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    snprintf(name, sizeof name, "/proc/self/fd/%d", pair[0]);
    CALL(open(name, O_RDWR));
    CALL(open("/proc/self/fd/777", O_RDONLY));
    CALL(open("/dev/fd/", O_RDONLY | O_DIRECTORY) >= 0);
}
