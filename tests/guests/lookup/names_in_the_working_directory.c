// A followed name without a slash: existing files, targets of links, and failures that leave no
// trace.
// syscalls: newfstatat statx readlink readlinkat
#include "../facts.h"

static const char *const NAMES[] = {
    "file", "dir", "empty", "link", "dirlink", "slash", "abs", "absdir", "outwards", "tobound", "dangling", "loop",
    "missing", "unreadable", "locked", ".", "..", "...", "bound", "proc",
};

static int untouched(const void *memory, size_t size) {
    const unsigned char *bytes = memory;
    for (size_t i = 0; i < size; i++) if (bytes[i] != 0xaa) return 0;
    return 1;
}

static void look(int directory, const char *name) {
    struct stat s;
    struct statx x;
    char text[300];
    memset(&s, 0xaa, sizeof s);
    if (CALL(fstatat(directory, name, &s, 0)) == 0) say("  %o %d", s.st_mode, S_ISREG(s.st_mode) ? (int)s.st_size : -1);
    else say("  untouched: %d", untouched(&s, sizeof s));
    memset(&x, 0xaa, sizeof x);
    if (CALL(statx(directory, name, 0, STATX_BASIC_STATS, &x)) == 0) say("  %o", x.stx_mode);
    else say("  untouched: %d", untouched(&x, sizeof x));
    CALL(statx(directory, name, AT_STATX_DONT_SYNC, STATX_SIZE, &x));
    for (int size = 0; size < 12; size += 4) {
        memset(text, 0xaa, sizeof text);
        int len = CALL(readlinkat(directory, name, text, size));
        if (len < 0) len = 0;
        say("  %.*s, untouched behind: %d", len, text, untouched(text + len, sizeof text - len));
    }
    CALL(readlinkat(directory, name, text, sizeof text));
    CALL(fstatat(directory, name, (struct stat *)1, 0));
    CALL(statx(directory, name, 0, STATX_BASIC_STATS, (struct statx *)1));
    CALL(readlinkat(directory, name, (char *)1, 10));
}

int main(void) {
    int data = open("/data", O_RDONLY | O_DIRECTORY), file = open("/data/file", O_RDONLY);
    NEED(data);
    NEED(file);
    NEED(chdir("/data"));
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        look(AT_FDCWD, NAMES[i]);
        look(data, NAMES[i]);
    }
    look(file, "file");
    look(-1, "file");
    char *page = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(mprotect(page + 4096, 4096, PROT_NONE));
    CALL(stat("file", (struct stat *)(page + 4096 - sizeof(struct stat))));
    CALL(stat("file", (struct stat *)(page + 4096 - sizeof(struct stat) + 8)));
    CALL(stat("dangling", (struct stat *)(page + 4096 - sizeof(struct stat) + 8)));
    // Links of procfs show guest paths.
    char text[300] = "";
    NEED(chdir("/proc/self"));
    char own[30];
    snprintf(own, sizeof own, "/proc/%d", getpid());
    int len = readlink("cwd", text, sizeof text);
    // The length depends on the number of digits.
    say("cwd is /proc/PID: %d", len == (int)strlen(own) && memcmp(text, own, strlen(own)) == 0);
    len = CALL(readlink("root", text, sizeof text));
    if (len > 0) say("%.*s", len, text);
    len = CALL(readlink("exe", text, sizeof text));
    if (len > 0) say("%.*s", len, text);
    // The longest possible link, and one that exactly fills the buffer.
    NEED(chdir("/here"));
    char longest[4096];
    int lengths[] = {254, 255, 256, 257, 4095};
    for (int i = 0; i < 5; i++) {
        memset(longest, 'x', sizeof longest);
        longest[lengths[i]] = 0;
        if (CALL(symlink(longest, "l")) < 0) continue;
        static char all[5000];
        CALL(readlink("l", all, sizeof all));
        CALL(readlink("l", all, 255));
        CALL(readlink("l", all, 256));
        CALL(unlink("l"));
    }
}
