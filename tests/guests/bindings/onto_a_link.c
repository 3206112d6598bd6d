// A binding onto a symbolic link covers the link's target.
// bind: made:/data/dirlink
// bind: file:/data/link
// syscalls: openat rmdir unlink
#include "../facts.h"

int main(void) {
    show_link("/data/dirlink");
    list("/data/dir");
    list("/data/dirlink");
    show("/data/dir/file");
    show("/data/file");
    show_link("/data/link");
    CALL(rmdir("/data/dir"));
    CALL(unlink("/data/link"));
    list("/data");
}
