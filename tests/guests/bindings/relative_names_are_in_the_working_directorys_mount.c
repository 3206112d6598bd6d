// A directory has two names by two bindings. A relative path belongs to the name by which the
// working directory was reached: files there can be renamed to an absolute path by that name, but
// neither renamed nor linked to one by the other name.
// bind: bound:/alias
// syscalls: rename link linkat
#include "../facts.h"

static void both_ways(const char *here, const char *there) {
    char own[40], other[40];
    snprintf(own, sizeof own, "%s/dir/own", here);
    snprintf(other, sizeof other, "%s/dir/other", there);
    say("in %s", here);
    NEED(chdir(here));
    put("dir/new", "x\n");
    CALL(rename("dir/new", own));
    CALL(rename(own, "dir/new"));
    CALL(linkat(AT_FDCWD, "dir/new", AT_FDCWD, other, AT_SYMLINK_FOLLOW));
    CALL(link("dir/new", other));
    CALL(rename("dir/new", other));
    CALL(rename(other, "dir/new"));
    snprintf(own, sizeof own, "%s/dir/new", there);
    CALL(rename(own, other));
    CALL(unlink(other));
    NEED(chdir("dir"));
    put("new", "x\n");
    CALL(rename("new", other));
    snprintf(own, sizeof own, "%s/dir/deep", here);
    NEED(mkdir("deep", 0755));
    CALL(rename("new", own));
    snprintf(own, sizeof own, "%s/dir/deep/new", here);
    CALL(rename("new", own));
    CALL(rename("deep/new", "new"));
    CALL(unlink("new"));
    NEED(rmdir("deep"));
}

int main(void) {
    both_ways("/alias", "/bound");
    both_ways("/bound", "/alias");
    list("/bound/dir");
}
