// chdir, fchdir and getcwd: links aren't remembered, and a moved directory stays the working
// directory.
// syscalls: chdir fchdir getcwd
#include "../facts.h"

static void here(void) {
    char cwd[PATH_MAX] = "?";
    long n = syscall(SYS_getcwd, cwd, sizeof cwd);
    if (n < 0) say("getcwd: %s", errno_name(errno));
    else say("in %s (%ld)", cwd, n);
    show_link("/proc/self/cwd");
}

int main(void) {
    here();
    CALL(chdir("/data/dirlink/deep"));
    here();
    CALL(chdir(".."));
    here();
    CALL(chdir("../../../.."));
    here();
    CALL(chdir("/data/absdir"));
    here();
    CALL(chdir("/data/file"));
    CALL(chdir("/data/missing"));
    CALL(chdir("/data/locked"));
    here();
    int dir = open("/data/dir/deep", O_RDONLY), path = open("/data/empty", O_PATH), file = open("/data/file", O_RDONLY);
    CALL(fchdir(dir));
    here();
    CALL(fchdir(path));
    here();
    CALL(fchdir(file));
    CALL(fchdir(500));
    CALL(chdir("/here"));
    NEED(mkdir("old", 0755));
    NEED(mkdir("old/sub", 0755));
    CALL(chdir("old/sub"));
    CALL(rename("/here/old", "/here/new"));
    here();
    put("made", "by relative name\n");
    show("/here/new/sub/made");
    CALL(unlink("made"));
    CALL(rmdir("/here/new/sub"));
    here();
    CALL(access(".", F_OK));
    CALL(access("made", F_OK));
    CALL(open("made", O_RDWR | O_CREAT, 0644));
    CALL(mkdir("sub", 0755));
    CALL(access("..", F_OK));
    CALL(chdir(".."));
    here();
    char small[4];
    CALL(syscall(SYS_getcwd, small, sizeof small));
    CALL(syscall(SYS_getcwd, small, 0));
    CALL(chdir("/"));
    CALL(syscall(SYS_getcwd, small, 1));
    CALL(syscall(SYS_getcwd, small, 2));
    here();
}
