// The interpreter's vocabulary: words that stand for numbers and bytes, and the state that two
// processes share. The operations are in interpreter.c.

#ifndef INTERPRETER_H
#define INTERPRETER_H

#include "../guests/facts.h"
#include <ctype.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/inotify.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>

// Some libcs lack these in their headers.
#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE 2
#endif

// A flag and its name.
struct flag {
    const char *name;
    unsigned long value;
};

#define FLAG(name) {#name, name}
static const struct flag flags[] = {
    FLAG(O_RDONLY), FLAG(O_WRONLY), FLAG(O_RDWR), FLAG(O_CREAT), FLAG(O_EXCL), FLAG(O_TRUNC), FLAG(O_APPEND),
    FLAG(O_DIRECTORY), FLAG(O_NOFOLLOW), FLAG(O_PATH), FLAG(O_TMPFILE), FLAG(O_NONBLOCK), FLAG(O_CLOEXEC),
    FLAG(O_NOATIME), FLAG(O_NOCTTY), FLAG(O_SYNC),
    FLAG(AT_SYMLINK_NOFOLLOW), FLAG(AT_SYMLINK_FOLLOW), FLAG(AT_EMPTY_PATH), FLAG(AT_NO_AUTOMOUNT),
    FLAG(AT_REMOVEDIR), FLAG(AT_EACCESS),
    FLAG(RENAME_NOREPLACE), FLAG(RENAME_EXCHANGE), {"RENAME_WHITEOUT", 4},
    FLAG(RESOLVE_BENEATH), FLAG(RESOLVE_IN_ROOT), FLAG(RESOLVE_NO_SYMLINKS), FLAG(RESOLVE_NO_MAGICLINKS),
    FLAG(RESOLVE_NO_XDEV), FLAG(RESOLVE_CACHED),
    FLAG(R_OK), FLAG(W_OK), FLAG(X_OK),
    FLAG(S_IFREG), FLAG(S_IFIFO), FLAG(S_IFSOCK), FLAG(S_IFCHR), FLAG(S_IFDIR),
    FLAG(IN_CREATE), FLAG(IN_ONLYDIR), FLAG(IN_DONT_FOLLOW), FLAG(IN_MASK_CREATE),
    FLAG(XATTR_CREATE), FLAG(XATTR_REPLACE),
    FLAG(SOCK_STREAM), FLAG(SOCK_DGRAM),
};

// Returns the number that a word stands for: names and octal numbers, joined by '|'.
static unsigned long number(const char *word) {
    unsigned long all = 0;
    while (*word) {
        size_t length = strcspn(word, "|");
        bool known = false;
        for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
            if (strlen(flags[i].name) == length && !strncmp(flags[i].name, word, length)) {
                all |= flags[i].value;
                known = true;
            }
        if (!known) {
            char *end;
            all |= strtoul(word, &end, 8);
            if (end != word + length) {
                say("cannot understand the number '%s'", word);
                _exit(97);
            }
        }
        word += length + (word[length] == '|');
    }
    return all;
}

enum { SLOTS = 8 };
// Descriptors from this process's open operations; -1 is none.
static int slots[SLOTS] = {-1, -1, -1, -1, -1, -1, -1, -1};

static int slot(const char *word) { return word[0] == 's' && word[1] ? (word[1] - '0') & (SLOTS - 1) : 0; }

// Whether it is a directory that was removed. From there newroot finds files, but makes none
// (docs/limits.md).
static bool is_removed(int at, const char *name) {
    struct stat s;
    return fstatat(at, name, &s, AT_EMPTY_PATH) == 0 && S_ISDIR(s.st_mode) && s.st_nlink == 0;
}

// Returns the descriptor that a word stands for: `cwd`, `sN` for the one in slot N, `#N` for number
// N.
static int descriptor(const char *word) {
    if (!strcmp(word, "cwd")) return AT_FDCWD;
    if (*word == '#') return atoi(word + 1);
    int fd = slots[slot(word)];
    return is_removed(fd, "") ? 999 : fd;
}

// Writes the bytes that a word stands for. `\xHH` is a byte, `\{N}` the number of the descriptor in
// slot N, `\(N:TEXT)` N times TEXT, `''` nothing.
static size_t bytes_of(const char *word, char *out, size_t capacity) {
    size_t length = 0;
    if (!strcmp(word, "''")) word = "";
    while (*word && length + 16 < capacity) {
        if (!strncmp(word, "\\x", 2)) {
            char digits[3] = {word[2], word[3], 0};
            out[length++] = strtoul(digits, NULL, 16);
            word += 4;
        } else if (!strncmp(word, "\\{", 2)) {
            int fd = slots[(word[2] - '0') & (SLOTS - 1)];
            struct stat s;
            // newroot follows an open symlink (O_PATH) that is part of a path (docs/limits.md). And
            // procfs finds no path below a removed directory.
            if ((fstat(fd, &s) == 0 && S_ISLNK(s.st_mode)) || is_removed(fd, "")) fd = 999;
            length += sprintf(out + length, "%d", fd);
            word += 4;
        } else if (!strncmp(word, "\\(", 2)) {
            char *text;
            unsigned long times = strtoul(word + 2, &text, 10);
            text++;
            size_t size = strcspn(text, ")");
            while (times-- && length + size + 16 < capacity) {
                memcpy(out + length, text, size);
                length += size;
            }
            word = text + size + 1;
        } else {
            out[length++] = *word++;
        }
    }
    out[length] = 0;
    return length;
}

// Returns a path in memory right before an unreadable page, which detects reads beyond its end.
static const char *path(const char *word, int which) {
    enum { AREA = 1 << 16 };
    static char *ends[2];
    static char text[AREA];
    if (!strcmp(word, "\\null")) return NULL;
    if (!strcmp(word, "\\bad")) return (const char *)8;
    if (!ends[which]) {
        char *area = mmap(NULL, AREA + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        NEED(area == MAP_FAILED ? -1 : 0);
        NEED(mprotect(area + AREA, 4096, PROT_NONE));
        ends[which] = area + AREA;
    }
    size_t length = bytes_of(word, text, sizeof text);
    return memcpy(ends[which] - length - 1, text, length + 1);
}

// Returns bytes as a word, readable and without blanks.
static const char *shown(const char *bytes, size_t length) {
    static char text[1 << 16];
    size_t at = 0;
    if (length > 8000) length = 8000;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = bytes[i];
        at += sprintf(text + at, c > ' ' && c < 127 && c != '\\' ? "%c" : "\\x%02x", c);
    }
    text[at] = 0;
    return text;
}

// State that both processes share: the files seen so far, and those above mount points.
struct file {
    dev_t device;
    ino_t inode;
};

enum { FILES = 4096 };
static struct shared {
    unsigned seen, above;
    struct file files[FILES], ancestors[256];
} *shared;
// The file system of /proc, whose inode numbers change.
static dev_t proc;

static void share(void) {
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    NEED(shared == MAP_FAILED ? -1 : 0);
    struct stat s;
    if (stat("/proc/self", &s) == 0) proc = s.st_dev;
    // The root is above /proc.
    if (stat("/", &s) == 0) shared->ancestors[shared->above++] = (struct file){s.st_dev, s.st_ino};
}

// Returns a number for a file that is the same in each run: its position among the files seen.
static int identity(dev_t device, ino_t inode) {
    if (device == proc) return -1;
    for (unsigned i = 0; i < shared->seen; i++)
        if (shared->files[i].device == device && shared->files[i].inode == inode) return i;
    if (shared->seen == FILES) return -2;
    shared->files[shared->seen] = (struct file){device, inode};
    return shared->seen++;
}

// Adds the directories above a mount point.
static void note_above(const char *place) {
    char above[PATH_MAX];
    snprintf(above, sizeof above, "%s", place);
    for (char *end = strrchr(above, '/'); end && end != above; end = strrchr(above, '/')) {
        *end = 0;
        struct stat s;
        if (lstat(above, &s) == 0 && shared->above < 256)
            shared->ancestors[shared->above++] = (struct file){s.st_dev, s.st_ino};
    }
}

// Whether this is a directory above a mount point.
static bool is_above(int at, const char *name, int how) {
    struct stat s;
    if (fstatat(at, name, &s, how) < 0) return false;
    for (unsigned i = 0; i < shared->above; i++)
        if (shared->ancestors[i].device == s.st_dev && shared->ancestors[i].inode == s.st_ino) return true;
    return false;
}

#endif
