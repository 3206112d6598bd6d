// 60,000 arguments and 1 MiB of variables arrive complete.
// syscalls: execve
#include "../facts.h"

extern char **environ;

int main(int argc, char **argv) {
    if (argc > 1) {
        unsigned long sum = 0, bytes = 0;
        int count = 0;
        for (int i = 1; i < argc; i++) sum = sum * 31 + atoi(argv[i]);
        for (; environ[count]; count++) bytes += strlen(environ[count]) + 1;
        say("%d arguments, checksum %lx; %d strings of environment, %lu bytes", argc, sum, count, bytes);
        return 0;
    }
    // newroot sets PWD, as bwrap does; chroot doesn't.
    unsetenv("PWD");
    static char *many[60002], *few[] = {"guest", "1", NULL}, *big[12];
    many[0] = "guest";
    for (int i = 1; i <= 60000; i++) {
        many[i] = malloc(8);
        sprintf(many[i], "%d", i);
    }
    for (int i = 0; i < 11; i++) {
        big[i] = malloc(100000);
        memset(big[i], 'a' + i, 99999);
        big[i][1] = '=';
        big[i][99999] = 0;
    }
    pid_t child = fork();
    if (child == 0) {
        execve("/bin/guest", many, environ);
        _exit(errno);
    }
    reap("many arguments", child);
    child = fork();
    if (child == 0) {
        execve("/bin/guest", few, big);
        _exit(errno);
    }
    reap("a big environment", child);
    child = fork();
    if (child == 0) {
        execve("/bin/guest", many, big);
        _exit(errno);
    }
    reap("both", child);
}
