// readlink leaves the buffer after a link's text unchanged: valgrind takes the bytes there for the
// end of the text.
// syscalls: readlink
#include "../facts.h"

static void untouched(const char *path, size_t size) {
    char buffer[8192];
    memset(buffer, '#', sizeof buffer);
    ssize_t length = readlink(path, buffer, size);
    size_t after = length < 0 ? 0 : (size_t)length, dirty = 0;
    for (size_t i = after; i < sizeof buffer; i++) dirty += buffer[i] != '#';
    say("%s in %zu: %zd, %zu bytes touched behind it", path, size, length, dirty);
}

int main(void) {
    char path[40];
    int fd = open("/data/file", O_RDONLY);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    untouched(path, 4096);
    untouched(path, 3);
    untouched("/proc/self/exe", 4096);
    untouched("/proc/self/cwd", 4096);
    untouched("/proc/self/root", 4096);
    untouched("/data/outwards", 4096);
    untouched("/data/file", 4096);
    untouched("/data/missing", 4096);
}
