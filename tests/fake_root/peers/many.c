// More identities, roots, namespaces and mounts than a session can hold at a time, one after the
// other: each works like the first.
#include "identity.h"
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

// Long names take much space.
static char path[2000];

static void dig(void) {
    strcpy(path, "/tmp");
    while (strlen(path) < 1700) {
        size_t len = strlen(path);
        path[len] = '/';
        memset(path + len + 1, 'd', 200);
        path[len + 201] = 0;
        NEED(mkdir(path, 0755));
    }
    strcat(path, "/0000");
}

static void name(int number) {
    sprintf(path + strlen(path) - 4, "%04d", number);
    NEED(mkdir(path, 0755));
}

int main(void) {
    for (int i = 0; i < 4000; i++) {
        NEED(setresuid(1000 + i, 2000 + i, 0));
        uid_t r, e, s;
        NEED(getresuid(&r, &e, &s));
        if (r != 1000 + (uid_t)i || e != 2000 + (uid_t)i || s != 0) say("%d: %u %u %u", i, r, e, s);
        NEED(setresuid(0, 0, 0));
    }
    say("identities");
    for (int i = 0; i < 5000; i++) NEED(unshare(CLONE_NEWNS));
    say("namespaces");
    dig();
    int top = open("/", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 1000; i++) {
        name(i);
        NEED(chroot(path));
        if (access("/bin/guest", F_OK) == 0) say("%d: not in it", i);
        NEED(fchdir(top));
        NEED(chroot("."));
        NEED(rmdir(path));
    }
    say("roots");
    for (int i = 0; i < 1000; i++) {
        name(i);
        NEED(mount("/bin", path, NULL, MS_BIND, NULL));
        char inside[sizeof path + 10];
        sprintf(inside, "%s/guest", path);
        NEED(access(inside, F_OK));
        NEED(umount(path));
        if (access(inside, F_OK) == 0) say("%d: still there", i);
        NEED(rmdir(path));
    }
    say("mounts");
    // Entries in use stay while others come and go.
    name(0);
    NEED(mount("/bin", path, NULL, MS_BIND, NULL));
    for (int i = 0; i < 1000; i++) {
        pid_t child = fork();
        if (child == 0) {
            NEED(setgid(i + 1));
            NEED(setuid(i + 1));
            _exit(getuid() == (uid_t)i + 1 && getgid() == (gid_t)i + 1 ? 0 : 1);
        }
        int status;
        NEED(waitpid(child, &status, 0));
        if (status != 0) say("%d: %#x", i, status);
    }
    strcat(path, "/guest");
    NEED(access(path, F_OK));
    say("processes");
    return 0;
}
