// The *at forms of the extended attribute calls act on a descriptor if the path is empty or NULL.
// They refuse an O_PATH descriptor, whatever the mount.
// syscalls: getxattrat setxattrat listxattrat removexattrat
#include "../facts.h"
#include <sys/xattr.h>

struct args { uint64_t value; uint32_t size, flags; };

static void try(const char *text, int fd) {
    struct args set = {(uintptr_t) "1", 1, 0};
    char names[100];
    say("%s", text);
    CALL(syscall(463, fd, "", AT_EMPTY_PATH, "user.x", &set, sizeof set));
    CALL(syscall(463, fd, NULL, AT_EMPTY_PATH, "user.x", &set, sizeof set));
    CALL(syscall(463, fd, NULL, AT_EMPTY_PATH, NULL, &set, sizeof set));
    CALL(syscall(463, fd, NULL, 0, "user.x", &set, sizeof set));
    CALL(syscall(464, fd, NULL, AT_EMPTY_PATH, "user.x", &set, sizeof set));
    CALL(syscall(465, fd, NULL, AT_EMPTY_PATH, names, sizeof names));
    CALL(syscall(465, fd, "", AT_EMPTY_PATH, names, sizeof names));
    CALL(syscall(466, fd, "", AT_EMPTY_PATH, "user.x"));
    CALL(syscall(466, fd, NULL, AT_EMPTY_PATH, "user.x"));
}

int main(void) {
    NEED(mkdir("d", 0700));
    try("read-only file", open("/readonly/file", O_RDONLY));
    try("read-only directory", open("/readonly/dir", O_RDONLY));
    try("path of a read-only file", open("/readonly/file", O_PATH));
    try("file", open("/bound/file", O_RDONLY));
    try("path of a file", open("/bound/file", O_PATH));
    try("no descriptor", 999);
    NEED(chdir("/readonly/dir"));
    try("read-only working directory", AT_FDCWD);
    NEED(chdir("/here/d"));
    try("working directory", AT_FDCWD);
    removexattr("/here/d", "user.x");
}
