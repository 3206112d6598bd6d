// uname and related calls answer as on the host.
// syscalls: uname sysinfo
#include "../facts.h"
#include <sys/sysinfo.h>
#include <sys/utsname.h>

int main(void) {
    struct utsname u;
    CALL(uname(&u));
    say("%s %s %s", u.sysname, u.release, u.machine);
    say("%s", u.version);
    CALL(uname((void *)16));
    char name[100];
    CALL(gethostname(name, sizeof name));
    say("same host: %d", !strcmp(name, u.nodename));
    struct sysinfo i;
    CALL(sysinfo(&i));
    CALL(getuid() == geteuid() && getgid() == getegid());
    gid_t groups[100];
    CALL(getgroups(100, groups));
    CALL(getpriority(PRIO_PROCESS, 0));
    CALL(sysconf(_SC_PAGESIZE));
}
