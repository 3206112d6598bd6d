// A read-only binding also refuses writes through descriptors, links, the working directory and
// /proc.
// syscalls: openat mkdirat unlinkat renameat symlinkat fchmodat utimensat ftruncate bind
#include "../facts.h"
#include <sys/xattr.h>

int main(void) {
    int dir = open("/readonly", O_RDONLY | O_DIRECTORY), file = open("/readonly/file", O_RDONLY), path = open("/readonly/file", O_PATH);
    char self[40], self_path[40];
    snprintf(self, sizeof self, "/proc/self/fd/%d", file);
    snprintf(self_path, sizeof self_path, "/proc/self/fd/%d", path);
    CALL(openat(dir, "file", O_WRONLY));
    CALL(openat(dir, "new", O_WRONLY | O_CREAT, 0644));
    CALL(mkdirat(dir, "new", 0755));
    CALL(unlinkat(dir, "file", 0));
    CALL(renameat(dir, "file", dir, "new"));
    CALL(symlinkat("x", dir, "new"));
    CALL(fchmodat(dir, "file", 0600, 0));
    CALL(utimensat(dir, "file", NULL, 0));
    CALL(faccessat(dir, "file", W_OK, 0));
    CALL(open(self, O_RDWR));
    CALL(open(self_path, O_RDWR));
    CALL(open(self_path, O_RDONLY));
    CALL(truncate(self, 0));
    CALL(chmod(self, 0600));
    CALL(chdir("/readonly/dir"));
    CALL(open("new", O_WRONLY | O_CREAT, 0644));
    CALL(open("../file", O_WRONLY));
    CALL(mkdir("new", 0755));
    CALL(rmdir("../dir"));
    CALL(chdir("/here"));
    NEED(symlink("/readonly", "ro"));
    CALL(open("ro/file", O_RDWR));
    CALL(unlink("ro/file"));
    CALL(mkdir("ro/new", 0755));
    CALL(symlink("/readonly/new", "dangling"));
    CALL(open("dangling", O_WRONLY | O_CREAT, 0644));
    CALL(open("/readonly/../here/fine", O_WRONLY | O_CREAT, 0644));
    CALL(open("/readonly/../readonly/file", O_WRONLY));
    CALL(write(file, "x", 1));
    CALL(ftruncate(file, 0));
    CALL(bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&(struct sockaddr_un){AF_UNIX, "/readonly/socket"}, sizeof(struct sockaddr_un)));
    show("/readonly/file");
    list("/readonly");
}
