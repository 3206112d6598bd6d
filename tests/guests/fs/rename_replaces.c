// Which files rename may replace, and by which.
// syscalls: rename
#include "../facts.h"

int main(void) {
    put("f", "f\n");
    put("g", "g\n");
    CALL(rename("f", "g"));
    show("g");
    CALL(rename("f", "g"));
    CALL(mkdir("d", 0755));
    CALL(mkdir("e", 0755));
    put("e/x", "x\n");
    CALL(rename("d", "e"));
    CALL(rename("e", "d"));
    show("d/x");
    CALL(rename("g", "d"));
    CALL(rename("d", "g"));
    CALL(rename("d", "d/below"));
    CALL(rename("d/x", "d"));
    CALL(link("g", "h"));
    CALL(rename("g", "h"));
    list(".");
    CALL(rename("g", "g"));
    CALL(symlink("g", "s"));
    CALL(rename("s", "t"));
    show_link("t");
    CALL(rename("h", "t"));
    show_lstat("t");
    CALL(symlink("d", "tod"));
    CALL(rename("tod/x", "tod/y"));
    CALL(rename("tod", "d2"));
    show_link("d2");
    CALL(rename("d", "d3"));
    show_stat("d2");
    CALL(rename("/here/d3", "/tmp/d3"));
    show("/tmp/d3/y");
    CALL(rename("/tmp/d3/y", "back"));
    CALL(rename("missing", "x"));
    CALL(rename("missing/x", "y"));
    CALL(rename("back", "missing/x"));
    CALL(rename("back/x", "y"));
    list("/here");
    list("/tmp");
}
