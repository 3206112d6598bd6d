// A path of any length may end right before unreadable memory.
// syscalls: newfstatat openat rename symlink readlink getcwd
#include "../facts.h"

int main(void) {
    char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(mprotect(page + 8192, 4096, PROT_NONE));
    struct stat s;
    int wrong = 0;
    for (size_t length = 1; length < 4095; length += 7) {
        char *path = page + 8192 - length - 1;
        memset(path, '/', length);
        path[length] = 0;
        if (length > 20) memcpy(path + length - 9, "data/link", 9);
        if (stat(path, &s) < 0) wrong++;
        int fd = open(path, O_RDONLY);
        if (fd < 0) wrong++;
        close(fd);
    }
    say("%d wrong", wrong);
    char *half = page + 8192 - 5;
    memcpy(half, "/data", 5);
    CALL(stat(half, &s));
    CALL(open(half, O_RDONLY));
    CALL(rename(half, half));
    CALL(symlink("/data/file", half));
    CALL(readlink("/data/outwards", half, 5));
    CALL(readlink("/data/outwards", half, 6));
    CALL(syscall(SYS_getcwd, half, 5));
    CALL(syscall(SYS_getcwd, half, 6));
    NEED(chdir("/data"));
    CALL(syscall(SYS_getcwd, half, 100));
}
