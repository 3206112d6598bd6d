// "." and ".." in the middle, at the end and above the root.
// syscalls: newfstatat openat readlink mkdir rmdir unlink rename link symlink
#include "../facts.h"

int main(void) {
    static const char *const paths[] = {
        "/", "/.", "/..", "/../..", "/../data/file", "/data/./file", "/data/././dir/../file", "//data///file",
        "/data/dir/..", "/data/dir/../..", "/data/dir/../../data/file", "/data/file/.", "/data/file/..",
        "/data/missing/../file", "/data/dirlink/../file", "/data/link/..", ".", "..", "./../data/file", "../../../data/file",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        show_stat(paths[i]);
        show_lstat(paths[i]);
    }
    CALL(mkdir("d", 0755));
    CALL(mkdir(".", 0755));
    CALL(mkdir("..", 0755));
    CALL(mkdir("d/..", 0755));
    CALL(mkdir("/", 0755));
    CALL(rmdir("."));
    CALL(rmdir(".."));
    CALL(rmdir("d/."));
    CALL(rmdir("d/.."));
    CALL(rmdir("/"));
    CALL(unlink("."));
    CALL(unlink("d/.."));
    CALL(unlink("/"));
    CALL(rename(".", "e"));
    CALL(rename("d/..", "e"));
    CALL(rename("d", ".."));
    CALL(rename("d", "/"));
    CALL(rename("/", "d"));
    CALL(rename("/..", "d"));
    CALL(rename("d/.", "e"));
    CALL(link("/data/file", "."));
    CALL(symlink("x", ".."));
    CALL(symlink("x", "/"));
    CALL(open("d/new/.", O_WRONLY | O_CREAT, 0644));
    CALL(open(".", O_WRONLY | O_CREAT, 0644));
    CALL(open("/", O_WRONLY));
    CALL(readlink("/", (char[10]){0}, 10));
}
