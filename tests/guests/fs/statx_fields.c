// statx by path, by link, by descriptor, with its flags.
// syscalls: statx
#include "../facts.h"

static void show_statx(const char *name, int fd, const char *path, int flags) {
    struct statx x;
    memset(&x, 0, sizeof x);
    if (statx(fd, path, flags, STATX_BASIC_STATS, &x) < 0) say("%s: %s", name, errno_name(errno));
    else if (S_ISDIR(x.stx_mode)) say("%s: directory %04o", name, x.stx_mode & 07777);
    else say("%s: %s %04o, %ld bytes, %d links, mine %d, mask %x", name, type_name(x.stx_mode), x.stx_mode & 07777, (long)x.stx_size,
             x.stx_nlink, x.stx_uid == getuid(), x.stx_mask & STATX_BASIC_STATS);
}

int main(void) {
    static const char *const paths[] = {"/", "/data/file", "/data/link", "/data/dirlink", "/data/abs", "/data/dangling", "/data/missing", "/data/locked/file",
                                        "/data/file/x", "/bound/file", "/bound/abs", "/boundfile", "/made/by/binding/file", "."};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        show_statx(paths[i], AT_FDCWD, paths[i], 0);
        show_statx(paths[i], AT_FDCWD, paths[i], AT_SYMLINK_NOFOLLOW);
        show_statx(paths[i], AT_FDCWD, paths[i], AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC);
    }
    int fd = open("/data/file", O_PATH), dir = open("/data/dir", O_RDONLY);
    show_statx("descriptor", fd, "", AT_EMPTY_PATH);
    show_statx("no flag", fd, "", 0);
    show_statx("below", dir, "inner", 0);
    show_statx("above", dir, "../link", AT_SYMLINK_NOFOLLOW);
    show_statx("bad flag", dir, "inner", 1 << 25);
    show_statx("both syncs", dir, "inner", AT_STATX_DONT_SYNC | AT_STATX_FORCE_SYNC);
    struct statx x;
    CALL(statx(AT_FDCWD, "/data/file", 0, 1u << 31, &x));
    CALL(syscall(SYS_statx, fd, NULL, AT_EMPTY_PATH, STATX_SIZE, &x));
}
