// fdopendir, dirfd and the *at calls walk a tree without naming it.
// syscalls: openat newfstatat getdents64
#include "../facts.h"

static void walk(int fd, const char *name, int depth) {
    DIR *d = fdopendir(fd);
    if (!d) {
        say("%*s%s: %s", depth * 2, "", name, errno_name(errno));
        return;
    }
    struct dirent *entries[40], *e;
    int count = 0;
    while ((e = readdir(d)) && count < 40) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..")) continue;
        entries[count++] = memcpy(malloc(e->d_reclen), e, e->d_reclen);
    }
    for (int i = 1; i < count; i++)
        for (int j = i; j > 0 && strcmp(entries[j]->d_name, entries[j - 1]->d_name) < 0; j--) {
            struct dirent *swap = entries[j];
            entries[j] = entries[j - 1], entries[j - 1] = swap;
        }
    for (int i = 0; i < count; i++) {
        struct stat s;
        NEED(fstatat(dirfd(d), entries[i]->d_name, &s, AT_SYMLINK_NOFOLLOW));
        say("%*s%s: %s, type %d", depth * 2, "", entries[i]->d_name, type_name(s.st_mode), entries[i]->d_type);
        if (!S_ISDIR(s.st_mode)) continue;
        int below = openat(dirfd(d), entries[i]->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (below < 0) say("%*s  %s", depth * 2, "", errno_name(errno));
        else walk(below, entries[i]->d_name, depth + 1);
    }
    closedir(d);
}

int main(void) {
    walk(open("/data", O_RDONLY | O_DIRECTORY), "data", 0);
    walk(open("/bound", O_RDONLY | O_DIRECTORY), "bound", 0);
    walk(open("/made", O_RDONLY | O_DIRECTORY), "made", 0);
    walk(open("/data/file", O_RDONLY), "file", 0);
    int next = dup(0);
    say("next descriptor %d", next);
}
