// setgroups(2) and getgroups(2): sorted, with repeats, and their errors.
// user: root
// syscalls: setgroups getgroups
#include "identity.h"

int main(void) {
    gid_t list[] = {30, 10, 20, 10};
    CALL(setgroups(4, list));
    groups("sorted");
    CALL(getgroups(0, NULL));
    gid_t few[2];
    CALL(getgroups(2, few));
    CALL(getgroups(-1, few));
    CALL(syscall(SYS_getgroups, 4, NULL));
    CALL(setgroups(65537, list));
    CALL(setgroups(2, (gid_t *)1));
    gid_t bad[] = {1, -1};
    CALL(setgroups(2, bad));
    groups("unchanged");
    static gid_t many[65536];
    for (int i = 0; i < 65536; i++) many[i] = 65536 - i;
    CALL(setgroups(65536, many));
    CALL(getgroups(65536, many));
    say("%d %d", many[0], many[65535]);
    CALL(setgroups(1, list));
    file_of("theirs", 1, 30, 0640);
    file_of("nobodys", 1, 31, 0640);
    CALL(setgroups(1, list));
    CALL(setgid(9));
    CALL(setuid(9));
    groups("kept");
    CALL(access("theirs", R_OK));
    CALL(access("theirs", W_OK));
    CALL(access("nobodys", R_OK));
    CALL(setgroups(0, NULL));
}
