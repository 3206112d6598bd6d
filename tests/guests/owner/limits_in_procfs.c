// The limit on locks in /proc/self/limits.
// user: root
// syscalls: openat read
#include "identity.h"

int main(void) {
    int fd = open("/proc/self/limits", O_RDONLY);
    char text[4096];
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    char *line = strstr(text, "Max file locks");
    if (line) line[strcspn(line, "\n")] = 0;
    // Without the number, which differs between sessions.
    if (line) say("%s", strstr(line, "unlimited            unlimited") ? "unlimited" : "some number");
}
