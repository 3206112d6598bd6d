// process_vm_readv, process_vm_writev and /proc/PID/mem reach a child's memory.
// syscalls: process_vm_readv process_vm_writev
#include "../facts.h"
#include <sys/prctl.h>
#include <sys/uio.h>

static char text[20] = "parent's";

int main(void) {
    int ready[2];
    char c;
    NEED(pipe(ready));
    pid_t child = fork();
    if (child == 0) {
        struct stat s;
        strcpy(text, "child's");
        stat("/data/link", &s);
        NEED(write(ready[1], "r", 1));
        while (strcmp(text, "changed")) stat("/data/link", &s);
        _exit(14);
    }
    NEED(read(ready[0], &c, 1));
    char copy[20] = "";
    struct iovec here = {copy, sizeof copy}, there = {text, sizeof text};
    CALL(process_vm_readv(child, &here, 1, &there, 1, 0));
    say("%s", copy);
    char name[40];
    snprintf(name, sizeof name, "/proc/%d/mem", child);
    int fd = CALL(open(name, O_RDWR));
    memset(copy, 0, sizeof copy);
    CALL(pread(fd, copy, sizeof copy, (off_t)(uintptr_t)text));
    say("%s", copy);
    strcpy(copy, "changed");
    CALL(process_vm_writev(child, &here, 1, &there, 1, 0));
    reap("child", child);
    there.iov_base = (void *)16;
    CALL(process_vm_readv(getpid(), &here, 1, &there, 1, 0));
}
