// Owner, group, others: the first class that matches decides.
// user: root
// syscalls: access
#include "identity.h"

int main(void) {
    gid_t more[] = {50, 60};
    for (mode_t mode = 0; mode < 01000; mode += 0111 / 3 * 3 + 2) {
        char name[16];
        snprintf(name, sizeof name, "o%03o", mode);
        file_of(name, 33, 99, mode);
        name[0] = 'g';
        file_of(name, 1, 60, mode);
        name[0] = 'x';
        file_of(name, 1, 99, mode);
    }
    pid_t child = fork();
    if (child == 0) {
        NEED(setgroups(2, more));
        NEED(setgid(44));
        NEED(setuid(33));
        for (mode_t mode = 0; mode < 01000; mode += 0111 / 3 * 3 + 2) {
            char name[16], line[64];
            int at = 0;
            for (const char *kind = "ogx"; *kind; kind++) {
                snprintf(name, sizeof name, "%c%03o", *kind, mode);
                for (int want = 1; want < 8; want *= 2) line[at++] = access(name, want) ? '-' : '0' + want;
                line[at++] = ' ';
            }
            line[at] = 0;
            say("%03o %s", mode, line);
        }
        _exit(0);
    }
    reap("child", child);
}
