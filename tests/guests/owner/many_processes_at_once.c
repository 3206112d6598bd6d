// Many processes make and remove files: each file keeps its own owner, whatever inode numbers are
// reused.
// user: root
// syscalls: mknodat chown symlink lchown rename link unlink
#include "identity.h"

static void work(int number) {
    char names[3][32];
    struct stat s;
    for (int i = 0; i < 3; i++) snprintf(names[i], sizeof names[i], "%d-%d", number, i);
    for (int round = 0; round < 300; round++) {
        NEED(mkfifo(names[0], 0600));
        NEED(chown(names[0], number, round));
        NEED(symlink("x", names[1]));
        NEED(lchown(names[1], number, round));
        NEED(lstat(names[0], &s));
        if (s.st_uid != (uid_t)number || s.st_gid != (gid_t)round) say("the FIFO is %d:%d", s.st_uid, s.st_gid);
        NEED(rename(names[0], names[1]));
        NEED(lstat(names[1], &s));
        if (!S_ISFIFO(s.st_mode) || s.st_gid != (gid_t)round) say("the FIFO, renamed, is %d:%d", s.st_uid, s.st_gid);
        NEED(link(names[1], names[2]));
        NEED(unlink(names[1]));
        NEED(lstat(names[2], &s));
        if (s.st_uid != (uid_t)number || s.st_gid != (gid_t)round) say("the link is %d:%d", s.st_uid, s.st_gid);
        NEED(unlink(names[2]));
        NEED(mknod(names[0], S_IFSOCK | 0600, 0));
        NEED(lstat(names[0], &s));
        if (s.st_uid || s.st_gid) say("the socket is %d:%d", s.st_uid, s.st_gid);
        NEED(unlink(names[0]));
    }
}

int main(void) {
    for (int number = 1; number <= 6; number++) {
        pid_t child = fork();
        NEED(child);
        if (child == 0) {
            work(number);
            _exit(0);
        }
    }
    for (int number = 1; number <= 6; number++) reap("worker", -1);
}
