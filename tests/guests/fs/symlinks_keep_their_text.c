// A link's target is stored as it is given, and truncated to the buffer when it is read.
// syscalls: symlink readlink
#include "../facts.h"

int main(void) {
    static const char *const targets[] = {"x", "/", "..", "//data//file", "/data/../data/./file", "a b", "../../../..", "/bound/file", "/proc/self/exe"};
    char name[10];
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        snprintf(name, sizeof name, "s%zu", i);
        CALL(symlink(targets[i], name));
        show_link(name);
        show_lstat(name);
    }
    show("s3");
    show("s4");
    show("s7");
    char big[4200], back[4200];
    memset(big, 'a', sizeof big);
    big[4095] = 0;
    CALL(symlink(big, "big"));
    CALL(readlink("big", back, sizeof back));
    CALL(access("big", F_OK));
    big[4095] = 'a';
    big[4096] = 0;
    CALL(symlink(big, "bigger"));
    memset(back, '#', sizeof back);
    CALL(readlink("/data/outwards", back, 5));
    say("%.7s", back);
    CALL(readlink("/data/outwards", back, -1));
    CALL(readlink("/data/outwards", back, 0));
    CALL(readlink("/data/file", back, 5));
    CALL(readlink("/data/dir", back, 5));
    CALL(readlink("/data/missing", back, 5));
    CALL(symlink("x", "s0"));
    CALL(symlink("x", "/data/dangling"));
    CALL(symlinkat("x", 500, "/here/absolute"));
    CALL(symlinkat("x", 500, "relative"));
}
