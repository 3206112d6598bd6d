// Files get and lose names while no descriptor is available.
// syscalls: prlimit64 openat link rename access chmod truncate unlink
#include "../facts.h"
#include <sys/resource.h>

int main(void) {
    put("a", "a\n");
    put("other", "other\n");
    fflush(stdout);
    while (open("/", O_PATH) >= 0) {}
    struct rlimit none = {0, 0};
    NEED(getrlimit(RLIMIT_NOFILE, &none));
    none.rlim_max = none.rlim_cur;
    NEED(setrlimit(RLIMIT_NOFILE, &none));
    CALL(open("a", O_RDONLY));
    CALL(link("a", "b"));
    CALL(link("b", "c"));
    show_lstat("a");
    show_stat("c");
    CALL(rename("b", "d"));
    CALL(rename("other", "a"));
    show_lstat("a");
    show_lstat("d");
    CALL(access("d", R_OK));
    CALL(chmod("d", 0600));
    CALL(truncate("d", 1));
    show_lstat("c");
    CALL(unlink("c"));
    show_lstat("d");
    CALL(unlink("d"));
    CALL(unlink("d"));
}
