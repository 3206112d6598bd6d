// The limit on locks in /proc/self/limits.
// user: root
#include "who.h"

int main(void) {
    int fd = open("/proc/self/limits", O_RDONLY);
    char text[4096];
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    char *line = strstr(text, "Max file locks");
    if (line) line[strcspn(line, "\n")] = 0;
    // Without the number that is another in each session.
    if (line) say("%s", strstr(line, "unlimited            unlimited") ? "unlimited" : "some number");
}
