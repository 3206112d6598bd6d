// getdents64 with small buffers, seekdir and rewinddir give every name exactly once.
// syscalls: getdents64
#include "../facts.h"

struct entry { uint64_t ino; int64_t off; unsigned short length; unsigned char type; char name[]; };

static void by_pieces(const char *path, size_t size) {
    char buffer[4096] __attribute__((aligned(8)));
    char names[64][32];
    int count = 0, fd = open(path, O_RDONLY | O_DIRECTORY);
    long n;
    while ((n = syscall(SYS_getdents64, fd, buffer, size)) > 0)
        for (long at = 0; at < n; at += ((struct entry *)(buffer + at))->length) {
            struct entry *e = (struct entry *)(buffer + at);
            if (count < 64) snprintf(names[count++], 32, "%.25s/%d", e->name, e->type);
        }
    say("%s by %zu bytes: %s", path, size, n < 0 ? errno_name(errno) : "done");
    qsort(names, count, sizeof *names, (int (*)(const void *, const void *))strcmp);
    for (int i = 0; i < count; i++) say("  %s", names[i]);
    close(fd);
}

int main(void) {
    by_pieces("/bound", 4096);
    by_pieces("/bound", 48);
    by_pieces("/bound", 32);
    by_pieces("/bound", 20);
    by_pieces("/", 4096);
    by_pieces("/", 64);
    by_pieces("/data/empty", 64);
    by_pieces("/made", 64);
    by_pieces("/made/by", 4096);
    DIR *d = opendir("/bound");
    int first = 0, second = 0;
    long place = -1;
    for (struct dirent *e; (e = readdir(d)); first++)
        if (first == 2) place = telldir(d);
    seekdir(d, place);
    while (readdir(d)) second++;
    say("%d names, %d after the third", first, second);
    rewinddir(d);
    for (second = 0; readdir(d);) second++;
    say("%d names again", second);
    CALL(syscall(SYS_getdents64, open("/data/file", O_RDONLY), (char[64]){0}, 64));
    CALL(syscall(SYS_getdents64, open("/data", O_PATH), (char[64]){0}, 64));
    CALL(syscall(SYS_getdents64, 500, (char[64]){0}, 64));
}
