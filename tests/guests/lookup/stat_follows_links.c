// stat follows every link, relative or absolute; lstat only those before the last name.
// syscalls: newfstatat
#include "../facts.h"

int main(void) {
    static const char *const paths[] = {
        "/data/file", "/data/link", "/data/abs", "/data/dirlink", "/data/absdir/inner", "/data/dirlink/deep/leaf",
        "/data/outwards", "/data/dangling", "/data/loop", "/data/tobound", "/data/tobound/file", "/data/slash",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        show_stat(paths[i]);
        show_lstat(paths[i]);
        show_link(paths[i]);
    }
}
