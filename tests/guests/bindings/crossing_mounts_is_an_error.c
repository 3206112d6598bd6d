// rename and link from one mount to another fail with EXDEV; within one they work.
// syscalls: rename renameat link linkat
#include "../facts.h"

int main(void) {
    put("f", "f\n");
    NEED(mkdir("d", 0755));
    CALL(rename("f", "/bound/f"));
    CALL(rename("d", "/bound/d"));
    CALL(link("f", "/bound/f"));
    CALL(link("/bound/file", "f2"));
    CALL(rename("/bound/file", "f2"));
    CALL(rename("/bound/dir", "/bound/nested/dir"));
    CALL(rename("/bound/nested/file", "/bound/file2"));
    CALL(link("/bound/nested/file", "/bound/file2"));
    CALL(link("/boundfile", "/here/f2"));
    CALL(link("/boundfile", "/f2"));
    CALL(link("f", "/made/by/binding/f"));
    CALL(rename("/made/by/binding/file", "/made/file"));
    CALL(rename("f", "/data/tobound/f"));
    CALL(rename("/bound/up/here/f", "/bound/g"));
    CALL(rename("/bound/up/here/f", "/here/g"));
    CALL(rename("g", "f"));
    CALL(linkat(AT_FDCWD, "/bound/abs", AT_FDCWD, "/bound/hard", AT_SYMLINK_FOLLOW));
    CALL(linkat(AT_FDCWD, "/bound/abs", AT_FDCWD, "hard", AT_SYMLINK_FOLLOW));
    CALL(linkat(AT_FDCWD, "/bound/abs", AT_FDCWD, "/bound/hard", 0));
    CALL(rename("missing", "/bound/x"));
    CALL(rename("/bound/missing", "x"));
    CALL(rename("f", "/bound/missing/x"));
    CALL(rename("f", "/bound/file/x"));
    CALL(rename("f", "/bound/dir"));
    CALL(link("f", "/bound/file"));
    CALL(rename("/readonly/file", "x"));
    CALL(rename("f", "/readonly/x"));
    CALL(link("/readonly/file", "x"));
    say("inside");
    CALL(rename("/bound/file", "/bound/dir/file"));
    CALL(rename("/bound/dir", "/bound/dir2"));
    CALL(link("/bound/dir2/inner", "/data/tobound/linked"));
    CALL(rename("/bound/nested/file", "/bound/nested/../nested/moved"));
    int bound = open("/bound", O_PATH), work = open("/here", O_PATH);
    CALL(renameat(bound, "linked", work, "linked"));
    CALL(renameat(bound, "linked", bound, "../bound/linked2"));
    CALL(renameat(work, "f", work, "f3"));
    list("/bound");
    list("/bound/dir2");
    list("/here");
}
