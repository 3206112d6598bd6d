// Processes add names to files, move them over each other and remove them, all at the same time.
// Each existing name leads to a whole file; in the end each file has as many names as its link
// count.
#include "race.h"
#include <sys/syscall.h>

#define FILES 4
#define NAMES 12

static const char *content(unsigned file) {
    static char text[32];
    snprintf(text, sizeof text, "file %u\n", file);
    return text;
}

static const char *name(unsigned i) {
    static char text[4][32];
    static unsigned next;
    char *into = text[next++ % 4];
    snprintf(into, sizeof text[0], "%s%u", i % 3 ? "" : "d/", i % NAMES);
    return into;
}

// A name may exist or not, whatever the others do; no other result is right.
static void check(const char *what, long result) {
    if (result < 0 && errno != ENOENT && errno != EEXIST) WRONG("%s: %s", what, errno_name(errno));
}

static void look(const char *path) {
    int fd = open(path, O_RDONLY);
    check("open", fd);
    if (fd < 0) return;
    char found[32] = "";
    if (read(fd, found, sizeof found - 1) != 7 || strncmp(found, "file ", 5)) WRONG("%s holds \"%s\"", path, found);
    struct stat s;
    if (fstat(fd, &s) < 0 || !S_ISREG(s.st_mode)) WRONG("fstat %s: no file", path);
    close(fd);
    int result = lstat(path, &s);
    check("lstat", result);
    if (result == 0 && !S_ISREG(s.st_mode)) WRONG("lstat %s: %s", path, type_name(s.st_mode));
}

static void change(unsigned seed, bool makes) {
    unsigned state = seed * 2654435761u + 1;
    char fresh[32];
    snprintf(fresh, sizeof fresh, "fresh%u", seed);
    while (goes_on()) {
        state = state * 1103515245u + 12345u;
        unsigned a = state >> 8 & 0xff, b = state >> 16 & 0xff;
        switch (state >> 28 & 7) {
        case 0: case 1: case 2: check("link", link(name(a), name(b))); break;
        case 3: check("unlink", unlink(name(a))); break;
        case 4: check("rename", rename(name(a), name(b))); break;
        case 5: look(name(a)); break;
        case 6:
            check("exchange", syscall(SYS_renameat2, AT_FDCWD, name(a), AT_FDCWD, name(b), 2));
            break;
        default:
            // A new file, so that there are always some.
            if (!makes) break;
            put(fresh, content(b % FILES));
            check("rename", rename(fresh, name(a)));
        }
    }
    unlink(fresh);
}

// Checks that each remaining file has as many names as its link count.
static void count(const char *const *paths, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        struct stat one, other;
        if (lstat(paths[i], &one) < 0) continue;
        unsigned names = 0;
        for (unsigned j = 0; j < n; j++) names += lstat(paths[j], &other) == 0 && other.st_ino == one.st_ino;
        if (names != one.st_nlink) WRONG("%s: %u names, %ld links", paths[i], names, (long)one.st_nlink);
    }
}

int main(int argc, char **argv) {
    begin(argv);
    NEED(chdir("/work"));
    NEED(mkdir("d", 0755));
    put("0", content(0));
    pid_t children[5];
    for (unsigned i = 0; i < 5; i++) {
        children[i] = fork();
        NEED(children[i]);
        if (children[i] == 0) {
            change(i, i < 2);
            _exit(wrongs != 0);
        }
    }
    for (unsigned i = 0; i < 5; i++)
        if (ended(children[i])) WRONG("process %u found something wrong", i);
    const char *paths[2 * NAMES];
    static char text[2 * NAMES][8];
    for (unsigned i = 0; i < 2 * NAMES; i++) {
        snprintf(text[i], sizeof text[0], "%s%u", i < NAMES ? "" : "d/", i % NAMES);
        paths[i] = text[i];
    }
    count(paths, 2 * NAMES);
    printf("%ld wrong\n", (long)wrongs);
}
