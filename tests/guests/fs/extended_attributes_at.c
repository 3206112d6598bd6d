// The *at forms of the extended attribute calls (Linux 6.13); older kernels answer ENOSYS.
// syscalls: getxattrat setxattrat listxattrat removexattrat
#include "../facts.h"

struct args { uint64_t value; uint32_t size, flags; };

int main(void) {
    char value[20] = "", names[100] = "";
    struct args set = {(uintptr_t) "abc", 3, 0}, get = {(uintptr_t)value, sizeof value, 0};
    put("f", "");
    NEED(symlink("f", "s"));
    int dir = open(".", O_PATH), fd = open("f", O_RDONLY);
    CALL(syscall(463, dir, "s", 0, "user.at", &set, sizeof set));
    CALL(syscall(464, AT_FDCWD, "/here/f", 0, "user.at", &get, sizeof get));
    say("%s", value);
    CALL(syscall(464, fd, "", AT_EMPTY_PATH, "user.at", &get, sizeof get));
    CALL(syscall(464, fd, "", 0, "user.at", &get, sizeof get));
    CALL(syscall(464, dir, "s", AT_SYMLINK_NOFOLLOW, "user.at", &get, sizeof get));
    CALL(syscall(465, dir, "f", 0, names, sizeof names));
    say("%s", names);
    CALL(syscall(465, AT_FDCWD, "/bound/link", 0, names, sizeof names));
    CALL(syscall(466, dir, "s", 0, "user.at"));
    CALL(syscall(466, dir, "f", 0, "user.at"));
    CALL(syscall(463, dir, "missing", 0, "user.at", &set, sizeof set));
    CALL(syscall(463, AT_FDCWD, "/readonly/file", 0, "user.at", &set, sizeof set));
}
