// openat2 refuses arguments that open ignores.
// syscalls: openat2
#include "../facts.h"
#include <linux/openat2.h>

static long try(struct open_how how, size_t size) { return syscall(SYS_openat2, AT_FDCWD, "/data/file", &how, size); }

int main(void) {
    struct { struct open_how how; char more[40]; } bigger = {.how = {.flags = O_RDONLY}};
    CALL(try((struct open_how){.flags = O_RDONLY}, sizeof(struct open_how)));
    CALL(try((struct open_how){.flags = O_RDONLY}, 0));
    CALL(try((struct open_how){.flags = O_RDONLY}, 8));
    CALL(try((struct open_how){.flags = O_RDONLY}, 23));
    CALL(syscall(SYS_openat2, AT_FDCWD, "/data/file", &bigger, sizeof bigger));
    bigger.more[30] = 1;
    CALL(syscall(SYS_openat2, AT_FDCWD, "/data/file", &bigger, sizeof bigger));
    CALL(syscall(SYS_openat2, AT_FDCWD, "/data/file", &bigger, 5000));
    CALL(try((struct open_how){.flags = O_RDONLY, .mode = 0644}, sizeof(struct open_how)));
    CALL(try((struct open_how){.flags = O_RDWR | O_CREAT, .mode = 0100644}, sizeof(struct open_how)));
    CALL(try((struct open_how){.flags = 1UL << 40}, sizeof(struct open_how)));
    CALL(try((struct open_how){.flags = O_PATH | O_RDWR}, sizeof(struct open_how)));
    CALL(try((struct open_how){.flags = O_PATH | O_NOFOLLOW}, sizeof(struct open_how)));
    CALL(try((struct open_how){.resolve = 1 << 20}, sizeof(struct open_how)));
    CALL(try((struct open_how){.resolve = RESOLVE_BENEATH}, sizeof(struct open_how)));
    CALL(syscall(SYS_openat2, 77, "file", &(struct open_how){0}, sizeof(struct open_how)));
    CALL(syscall(SYS_openat2, 77, "/data/file", &(struct open_how){0}, sizeof(struct open_how)));
    CALL(syscall(SYS_openat2, AT_FDCWD, NULL, &(struct open_how){0}, sizeof(struct open_how)));
}
