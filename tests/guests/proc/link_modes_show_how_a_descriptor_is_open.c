// The mode of /proc/self/fd/N shows how descriptor N is open.
// syscalls: newfstatat
#include "../facts.h"

static void mode_of(const char *how, int fd) {
    char name[60];
    struct stat by_path, by_descriptor;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    NEED(lstat(name, &by_path));
    int link = open(name, O_PATH | O_NOFOLLOW);
    NEED(link);
    NEED(fstat(link, &by_descriptor));
    say("%s: %o %o", how, by_path.st_mode, by_descriptor.st_mode);
    close(link);
}

int main(void) {
    put("f", "");
    mode_of("reading", open("f", O_RDONLY));
    mode_of("writing", open("f", O_WRONLY));
    mode_of("both", open("/bound/file", O_RDWR));
    mode_of("path", open("/bound/file", O_PATH));
    mode_of("link", open("/data/link", O_PATH | O_NOFOLLOW));
    mode_of("directory", open("/bound", O_RDONLY | O_DIRECTORY));
}
