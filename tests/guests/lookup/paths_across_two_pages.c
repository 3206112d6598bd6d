// Paths that begin anywhere on a page and cross to the next one at any byte, readable or not.
// syscalls: newfstatat access
#include "../facts.h"

static const char *const PATHS[] = {
    "/data/dir/deep/leaf", "/data/file", "/data/dir/missing", "/", "/.", "/data/./dir//inner", "/data/dir/../file",
    "/bound/file", "/bound/dir/inner", "data/dirlink/inner", "data", "x", "./data", "../data/dir/.", "data/...",
};

/// Calls stat for the path at all addresses before `end`; at the last one the path ends right at
/// `end`.
static void everywhere(char *end, const char *path, size_t farthest) {
    size_t size = strlen(path) + 1;
    struct stat s;
    int good = 0, missing = 0, bad = 0, other = 0;
    for (size_t before = 1; before <= farthest; before++) {
        char *at = end - before;
        memset(end - 64, 'y', 64);
        memcpy(at, path, before < size && farthest < size ? before : size);
        if (stat(at, &s) == 0) good++;
        else if (errno == ENOENT) missing++;
        else if (errno == EFAULT) bad++;
        else other++;
    }
    say("%s: %d there, %d missing, %d unreadable, %d other", path, good, missing, bad, other);
}

int main(void) {
    char *page = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(mprotect(page + 3 * 4096, 4096, PROT_NONE));
    NEED(chdir("/"));
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
        everywhere(page + 4096, PATHS[i], 40);
        // The NUL is always missing.
        everywhere(page + 3 * 4096, PATHS[i], strlen(PATHS[i]));
    }
    say("and with the NUL in the last byte");
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
        char *at = page + 3 * 4096 - strlen(PATHS[i]) - 1;
        strcpy(at, PATHS[i]);
        struct stat s;
        CALL(stat(at, &s));
        CALL(lstat(at, &s));
        CALL(access(at, R_OK));
    }
}
