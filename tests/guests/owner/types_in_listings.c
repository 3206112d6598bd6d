// readdir reports the type of every file.
// user: root
// syscalls: getdents64
#include "identity.h"

int main(void) {
    NEED(mkdir("d", 0755));
    NEED(chdir("d"));
    put("file", "");
    NEED(mkdir("directory", 0));
    NEED(symlink("file", "link"));
    NEED(mkfifo("fifo", 0));
    NEED(mknod("socket", S_IFSOCK | 0644, 0));
    NEED(mknod("character", S_IFCHR | 0644, makedev(1, 3)));
    NEED(mknod("block", S_IFBLK | 0644, makedev(7, 3)));
    struct dirent **names;
    int n = scandir(".", &names, NULL, alphasort);
    for (int i = 0; i < n; i++) say("%s: type %d", names[i]->d_name, names[i]->d_type);
    list("/");
}
