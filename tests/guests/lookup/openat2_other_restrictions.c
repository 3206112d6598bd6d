// RESOLVE_NO_SYMLINKS, RESOLVE_NO_MAGICLINKS and RESOLVE_NO_XDEV in guest terms.
// syscalls: openat2
#include "../facts.h"
#include <linux/openat2.h>

static void try(const char *path, unsigned long flags, unsigned long resolve) {
    struct open_how how = {.flags = flags, .resolve = resolve};
    long got;
    do got = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how); // EAGAIN: some process, anywhere, renamed or mounted
    while (got < 0 && errno == EAGAIN);
    if (got < 0) say("%s: %s", path, errno_name(errno));
    else {
        say("%s: opened", path);
        close(got);
    }
}

int main(void) {
    char magic[40];
    snprintf(magic, sizeof magic, "/proc/self/fd/%d", open("/data/file", O_RDONLY));
    say("no symlinks");
    try("/data/file", O_RDONLY, RESOLVE_NO_SYMLINKS);
    try("/data/link", O_RDONLY, RESOLVE_NO_SYMLINKS);
    try("/data/dirlink/inner", O_RDONLY, RESOLVE_NO_SYMLINKS);
    try("/data/link", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS);
    try("/bound/file", O_RDONLY, RESOLVE_NO_SYMLINKS);
    try("/bound/dirlink/inner", O_RDONLY, RESOLVE_NO_SYMLINKS);
    try("/data/dir/../file", O_RDONLY, RESOLVE_NO_SYMLINKS);
    try("/proc/self/status", O_RDONLY, RESOLVE_NO_SYMLINKS);
    try(magic, O_RDONLY, RESOLVE_NO_SYMLINKS);
    say("no magic links");
    try(magic, O_RDONLY, RESOLVE_NO_MAGICLINKS);
    try("/proc/self/cwd/x", O_RDONLY, RESOLVE_NO_MAGICLINKS);
    try("/proc/self/root/data/file", O_RDONLY, RESOLVE_NO_MAGICLINKS);
    try("/proc/self/status", O_RDONLY, RESOLVE_NO_MAGICLINKS);
    try("/data/link", O_RDONLY, RESOLVE_NO_MAGICLINKS);
    try(magic, O_PATH | O_NOFOLLOW, RESOLVE_NO_MAGICLINKS);
    say("no crossing");
    try("/data/file", O_RDONLY, RESOLVE_NO_XDEV);
    try("/data/abs", O_RDONLY, RESOLVE_NO_XDEV);
    try("/bound/file", O_RDONLY, RESOLVE_NO_XDEV);
    try("/bound", O_RDONLY, RESOLVE_NO_XDEV);
    try("/data/tobound/file", O_RDONLY, RESOLVE_NO_XDEV);
    try("/boundfile", O_RDONLY, RESOLVE_NO_XDEV);
    try("/proc/version", O_RDONLY, RESOLVE_NO_XDEV);
    NEED(chdir("/bound"));
    try("file", O_RDONLY, RESOLVE_NO_XDEV);
    try("dir/../file", O_RDONLY, RESOLVE_NO_XDEV);
    try("..", O_RDONLY, RESOLVE_NO_XDEV);
    try("up", O_RDONLY, RESOLVE_NO_XDEV);
    try("nested", O_RDONLY, RESOLVE_NO_XDEV);
    try("abs", O_RDONLY, RESOLVE_NO_XDEV);
}
