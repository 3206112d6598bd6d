// A write by a user other than root clears set-user-ID, set-group-ID and capabilities, by every
// call.
// user: root
// syscalls: write pwrite64 writev pwritev2 ftruncate fallocate sendfile copy_file_range splice mmap
#define _GNU_SOURCE
#include "identity.h"
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static int source;

static ssize_t by_write(int fd) { return write(fd, "x", 1); }
static ssize_t by_nothing(int fd) { return write(fd, "x", 0); }
static ssize_t by_pwrite(int fd) { return pwrite(fd, "x", 1, 2); }
static ssize_t by_writev(int fd) { return writev(fd, &(struct iovec){"x", 1}, 1); }
static ssize_t by_pwritev2(int fd) { return pwritev2(fd, &(struct iovec){"x", 1}, 1, 1, 0); }
static ssize_t by_ftruncate(int fd) { return ftruncate(fd, 0); }
static ssize_t by_fallocate(int fd) { return fallocate(fd, 0, 0, 100); }
static ssize_t by_sendfile(int fd) { return sendfile(fd, source, &(off_t){0}, 3); }
static ssize_t by_copy(int fd) { return copy_file_range(source, &(off_t){0}, fd, NULL, 3, 0); }
static ssize_t by_splice(int fd) {
    int ends[2];
    NEED(pipe(ends));
    NEED(write(ends[1], "abc", 3));
    return splice(ends[0], NULL, fd, NULL, 3, 0);
}
static ssize_t by_mapping(int fd) {
    char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) return -1;
    at[0] = 'y';
    return msync(at, 4096, MS_SYNC);
}
static ssize_t not_at_all(int fd) { return fd < 0; }

static const struct way {
    const char *name;
    ssize_t (*change)(int);
} ways[] = {
    {"write", by_write},         {"write of nothing", by_nothing}, {"pwrite", by_pwrite},
    {"writev", by_writev},       {"pwritev2", by_pwritev2},        {"ftruncate", by_ftruncate},
    {"fallocate", by_fallocate}, {"sendfile", by_sendfile},        {"copy_file_range", by_copy},
    {"splice", by_splice},       {"mapping", by_mapping},          {"nothing", not_at_all},
};

static void by_another(const struct way *way, mode_t mode) {
    file_of("x", 0, 0, mode);
    AS(33, 33) {
        int fd = open("x", O_RDWR);
        ssize_t result = way->change(fd);
        say("%s: %zd %s", way->name, result, result < 0 ? errno_name(errno) : "");
        owner("x");
        // A second write.
        way->change(fd);
        close(fd);
    }
    owner("x");
    NEED(unlink("x"));
}

int main(void) {
    unsigned value[5] = {0x02000000, 1, 0, 0, 0};
    put("source", "some text");
    NEED(source = open("source", O_RDONLY));
    for (int i = 0; i < 12; i++) by_another(&ways[i], 06777);
    static const mode_t modes[] = {04777, 02777, 04666, 02676, 06767, 0777};
    for (int i = 0; i < 6; i++) by_another(&ways[0], modes[i]);

    // Root's own writes keep the bits; those of a user who opened the file before clear them.
    file_of("x", 0, 0, 06777);
    int fd = open("x", O_WRONLY);
    CALL(write(fd, "x", 1));
    owner("x");
    close(fd);

    // By the owner, and by a member of the group.
    NEED(chown("x", 33, 34));
    NEED(chmod("x", 06755));
    AS(33, 33) {
        fd = open("x", O_WRONLY);
        owner("x");
        CALL(write(fd, "x", 1));
        owner("x");
        CALL(fchmod(fd, 06755));
        owner("x");
        CALL(write(fd, "x", 1));
        owner("x");
    }
    NEED(chmod("x", 06767));
    AS(35, 34) {
        fd = open("x", O_WRONLY);
        CALL(write(fd, "x", 1));
        owner("x");
    }
    // Set again while the file is open.
    NEED(chmod("x", 06777));
    AS(35, 35) {
        fd = open("x", O_WRONLY);
        CALL(write(fd, "x", 1));
        owner("x");
    }
    NEED(chmod("x", 06777));
    owner("x");
    CALL(chmod("x", 04711));
    owner("x");
    NEED(unlink("x"));
    directory_of("open", 33, 33, 0777);
    AS(33, 33) {
        umask(0);
        fd = open("open/made", O_WRONLY | O_CREAT, 06777);
        owner("open/made");
        CALL(write(fd, "x", 1));
        owner("open/made");
        fd = open("open", O_WRONLY | O_TMPFILE, 04777);
        struct stat s;
        NEED(fstat(fd, &s));
        say("unnamed %o", s.st_mode);
        CALL(write(fd, "x", 1));
        NEED(fstat(fd, &s));
        say("unnamed %o", s.st_mode);
    }

    // Capabilities.
    file_of("c", 0, 0, 0777);
    NEED(setxattr("c", "security.capability", value, sizeof value, 0));
    AS(33, 33) {
        fd = open("c", O_WRONLY);
        CALL(getxattr("c", "security.capability", NULL, 0));
        CALL(write(fd, "x", 1));
        CALL(getxattr("c", "security.capability", NULL, 0));
        CALL(listxattr("c", NULL, 0));
    }
    owner("c");
    AS(34, 34) {
        fd = open("c", O_WRONLY);
        CALL(getxattr("c", "security.capability", NULL, 0));
    }
    CALL(removexattr("c", "security.capability"));
    NEED(setxattr("c", "security.capability", value, sizeof value, 0));
    CALL(getxattr("c", "security.capability", NULL, 0));
    owner("c");
    // Executed while a process that may write has it open, and afterwards.
    program_of("/bin/report", "p", 0, 0, 04777);
    AS(33, 33) {
        fd = open("p", O_RDWR | O_APPEND);
        owner("p");
        CALL(access("p", X_OK));
        CALL(write(fd, "", 1));
        close(fd);
        run("p", "again");
        owner("p");
    }
}
