// A descriptor opened under one of two names of a directory leads back to that name.
// bind: bound:/alias
// syscalls: openat fchdir getcwd
#include "../facts.h"

static void here(void) {
    char cwd[PATH_MAX];
    say("in %s", getcwd(cwd, sizeof cwd) ? cwd : errno_name(errno));
}

int main(void) {
    int alias = open("/alias/dir", O_RDONLY), bound = open("/bound/dir", O_RDONLY);
    char a[40], b[40];
    snprintf(a, sizeof a, "/proc/self/fd/%d", alias);
    snprintf(b, sizeof b, "/proc/self/fd/%d", bound);
    show_link(a);
    show_link(b);
    CALL(fchdir(alias));
    here();
    CALL(fchdir(bound));
    here();
}
