// A directory of two thousand names is listed completely while files come and go.
// syscalls: getdents64
#include "../facts.h"

int main(void) {
    NEED(mkdir("many", 0755));
    NEED(chdir("many"));
    char name[40];
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "a-rather-long-name-%04d", i);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
        NEED(fd);
        close(fd);
    }
    DIR *d = opendir("/here/many");
    int count = 0;
    while (readdir(d)) count++;
    say("%d entries", count);
    rewinddir(d);
    int removed = 0;
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.' && unlink(e->d_name) == 0) removed++;
    say("%d removed", removed);
    closedir(d);
    NEED(chdir(".."));
    CALL(rmdir("many"));
}
