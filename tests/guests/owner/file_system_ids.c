// setfsuid(2) and setfsgid(2): their results, and the capabilities that follow them.
// user: root
// syscalls: setfsuid setfsgid
#include "identity.h"

int main(void) {
    file_of("root", 0, 0, 0600);
    file_of("other", 33, 44, 0640);
    CALL(syscall(SYS_setfsuid, 33));
    everything("fs user 33");
    CALL(open("root", O_RDONLY));
    int fd = open("other", O_RDWR);
    say("other: %d", fd >= 0);
    close(fd);
    put("new", "");
    owner("new");
    CALL(chown("other", 0, 0));
    CALL(syscall(SYS_setfsuid, 0));
    powers("back");
    CALL(syscall(SYS_setfsgid, 44));
    put("group", "");
    owner("group");
    CALL(syscall(SYS_setfsgid, -1));
    AS(33, 44) {
        CALL(syscall(SYS_setfsuid, 0));
        CALL(syscall(SYS_setfsgid, 0));
        CALL(syscall(SYS_setfsuid, -1));
        ids("others stay");
    }
}
