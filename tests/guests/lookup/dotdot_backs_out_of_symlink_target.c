// ".." after a link leads to the parent of the link's target, not of the link.
// syscalls: openat chdir rename
#include "../facts.h"

int main(void) {
    NEED(mkdir("a", 0755));
    NEED(mkdir("a/b", 0755));
    NEED(mkdir("c", 0755));
    NEED(symlink("../a/b", "c/tob"));
    NEED(symlink("/here/a/b", "c/absb"));
    put("a/here", "in a\n");
    put("c/here", "in c\n");
    show("c/tob/../here");
    show("c/absb/../here");
    show("c/tob/../../c/here");
    show_stat("c/tob/../missing");
    CALL(open("c/tob/../made", O_WRONLY | O_CREAT, 0644));
    list("a");
    list("c");
    CALL(chdir("c/tob/.."));
    char cwd[100];
    say("%s", getcwd(cwd, sizeof cwd));
    show("here");
    CALL(chdir("../c/tob"));
    CALL(rename("../here", "../../c/tob/../renamed"));
    list("/here/a");
}
