// /proc/self/maps and smaps name mapped files by guest path, and the heap and stack.
// link: static dynamic
// syscalls: openat read
#include "../facts.h"

static void names(const char *path, const char *wanted) {
    static char line[4096];
    FILE *f = fopen(path, "r");
    int found = 0, odd = 0;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        char *name = strchr(line, '/');
        if (strstr(line, wanted) && (wanted[0] != '/' || (name && !strcmp(name, wanted)))) found++;
        if (name && strchr(line, '-') && strchr(line, '-') < name && access(name, F_OK) < 0) odd++;
    }
    fclose(f);
    say("%s: %s %s, %d names that lead nowhere", path, wanted, found ? "found" : "missing", odd);
}

int main(void) {
    int fd = open("/bound/nested/file", O_RDONLY);
    char *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    free(malloc(100));
    static const char *const wanted[] = {"/bin/guest", "/bound/nested/file", "[heap]", "[stack]", "[vdso]"};
    for (int i = 0; i < 5; i++) {
        names("/proc/self/maps", wanted[i]);
        names("/proc/self/smaps", wanted[i]);
    }
    char name[60];
    snprintf(name, sizeof name, "/proc/%d/maps", getpid());
    FILE *f = fopen(name, "r");
    char line[4096], copy[4096];
    unsigned long low, high;
    bool same = false;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "%lx-%lx", &low, &high) == 2 && low == (unsigned long)map) {
            same = strstr(line, "/bound/nested/file") != NULL;
            strcpy(copy, line);
        }
    }
    say("at the mapping's address: %d", same);
    copy[strcspn(copy, "\n")] = 0;
    say("name starts at column %d", (int)(strchr(copy, '/') - copy));
    int raw = open("/proc/self/maps", O_RDONLY);
    ssize_t total = 0, n;
    while ((n = read(raw, line, 100)) > 0) total += n;
    say("read in pieces: %d, at end %zd", total > 300, n);
    CALL(lseek(raw, 0, SEEK_SET));
    CALL(read(raw, line, 12) == 12);
}
