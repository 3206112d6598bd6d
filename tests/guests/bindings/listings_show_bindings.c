// The listing of a parent directory shows bindings, and not the files that they hide.
// syscalls: getdents64
#include "../facts.h"

int main(void) {
    list("/");
    list("/bound");
    list("/bound/nested");
    list("/made");
    list("/made/by");
    list("/made/by/binding");
    list("/readonly");
    list("/data/tobound");
    CALL(access("/bound/hidden", F_OK));
    show("/boundfile");
    show("/bound/file");
    show("/bound/nested/file");
    show("/made/by/binding/file");
    show("/readonly/file");
    show_stat("/bound");
    show_stat("/boundfile");
    show_stat("/bound/nested");
    CALL(open("/made/by", O_RDONLY | O_DIRECTORY));
    show_stat("/made/by/binding");
    CALL(access("/made/by/other", F_OK));
    CALL(access("/made/file", F_OK));
    CALL(access("/proc/self/status", R_OK));
    CALL(access("/dev/null", R_OK | W_OK));
    CALL(access("/sys", F_OK));
}
