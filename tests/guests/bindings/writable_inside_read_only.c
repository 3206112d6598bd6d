// A writable binding inside a read-only one can be written to, and a read-only one inside a
// writable one can't.
// bind: made:/readonly/dir
// bind: readonly:/bound/dir:ro
// syscalls: openat mkdir rename unlink access
#include "../facts.h"

int main(void) {
    CALL(open("/readonly/new", O_WRONLY | O_CREAT, 0644));
    put("/readonly/dir/new", "written\n");
    show("/readonly/dir/new");
    show("/made/by/binding/new");
    CALL(mkdir("/readonly/dir/d", 0755));
    CALL(rename("/readonly/dir/new", "/readonly/dir/newer"));
    CALL(rename("/readonly/dir/newer", "/readonly/newer"));
    CALL(unlink("/readonly/dir/../file"));
    CALL(chdir("/readonly/dir"));
    CALL(unlink("newer"));
    CALL(unlink("../link"));
    CALL(open("/bound/dir/file", O_RDWR));
    CALL(unlink("/bound/dir/link"));
    CALL(mkdir("/bound/dir/d", 0755));
    CALL(mkdir("/bound/dir/../d", 0755));
    CALL(rmdir("/bound/dir"));
    CALL(access("/bound/dir", W_OK));
    CALL(access("/bound/dir/..", W_OK));
    list("/bound");
    list("/bound/dir");
    list("/readonly");
}
