// Errors that don't depend on a mount are reported before a mount's own errors.
// syscalls: link mkdir rename renameat2 utimensat
#include "../facts.h"
#include <sys/syscall.h>

int main(void) {
    struct timespec times[2] = {{1, 2}, {3, 4}};
    CALL(chdir("/readonly"));
    CALL(syscall(SYS_utimensat, AT_FDCWD, NULL, times, 0));
    CALL(syscall(SYS_utimensat, AT_FDCWD, NULL, NULL, 0));
    int fd = open("file", O_RDONLY);
    CALL(syscall(SYS_utimensat, fd, NULL, times, 0));
    // procfs takes no new names, whatever file system the file comes from.
    CALL(link("/data/file", "/proc/new"));
    CALL(link("/data/file", "/proc/self/new"));
    CALL(link("/data/file", "/proc/self"));
    CALL(link("/data/file", "/bound/new"));
    // A directory that gets another parent is written to.
    CALL(chdir("/here"));
    CALL(mkdir("open", 0755));
    CALL(mkdir("closed", 0555));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "open", AT_FDCWD, "/bound", 2));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "closed", AT_FDCWD, "/bound", 2));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "/bound", AT_FDCWD, "closed", 2));
    CALL(rename("closed", "/bound"));
    CALL(rename("open", "/bound"));
    CALL(rename("/bound", "closed"));
}
