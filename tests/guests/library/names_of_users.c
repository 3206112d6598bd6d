// The C library reads the guest's own passwd, group and hosts files.
// syscalls: openat
#include "../facts.h"

static int named(const char *path, const char *wanted) {
    char line[200];
    FILE *f = fopen(path, "r");
    if (!f) return -1;
    int found = 0;
    while (fgets(line, sizeof line, f)) found += !strncmp(line, wanted, strlen(wanted));
    fclose(f);
    return found;
}

int main(void) {
    CALL(named("/etc/passwd", "root:x:0:0:root:/:/bin/sh"));
    CALL(named("/etc/passwd", "daemon"));
    CALL(named("/etc/group", "root:"));
    CALL(named("/etc/hosts", "127"));
    CALL(named("/etc/os-release", "NAME"));
    list("/etc");
    put("/etc/hosts", "127.0.0.1 localhost\n");
    CALL(named("/etc/hosts", "127"));
    FILE *f = fopen("/etc/passwd", "a");
    fprintf(f, "guest:x:4242:4242::/home:/bin/sh\n");
    fclose(f);
    CALL(named("/etc/passwd", "guest"));
    setenv("TZ", "UTC", 1);
    tzset();
    say("zone %s", tzname[0]);
    f = freopen("/here/out", "w", stderr);
    fprintf(stderr, "to a file\n");
    fflush(stderr);
    show("/here/out");
    char buffer[L_tmpnam];
    say("temporary name in /tmp: %d", !strncmp(tmpnam(buffer), "/tmp/", 5));
    CALL(remove("/here/out"));
    CALL(remove("/data/empty"));
    CALL(remove("/data/dir"));
}
