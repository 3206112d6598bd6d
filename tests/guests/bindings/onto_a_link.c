// A binding onto a symbolic link lands on what the link points to.
// bind: made:/data/dirlink
// bind: file:/data/link
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
