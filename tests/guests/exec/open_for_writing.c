// A program that is open for writing can't be run.
#include "../facts.h"

int main(void) {
    int from = open("/bin/report", O_RDONLY), to = open("copy", O_WRONLY | O_CREAT, 0755);
    char block[65536];
    for (ssize_t n; (n = read(from, block, sizeof block)) > 0;) NEED(write(to, block, n));
    CALL(execl("./copy", "copy", NULL));
    close(to);
    pid_t child = fork();
    if (child == 0) {
        execl("./copy", "copy", NULL);
        _exit(9);
    }
    reap("copy", child);
}
