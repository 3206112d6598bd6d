// At an exec stop the new program is in memory, at the addresses in its auxiliary vector.
// link: static dynamic
// syscalls: ptrace execve
#include "trace.h"
#include <elf.h>

static unsigned long auxiliary(pid_t child, unsigned long tag) {
    char path[64];
    Elf64_auxv_t pairs[64];
    snprintf(path, sizeof path, "/proc/%d/auxv", child);
    int fd = open(path, O_RDONLY);
    NEED(fd);
    ssize_t n = read(fd, pairs, sizeof pairs);
    close(fd);
    for (int i = 0; i < (int)(n / sizeof *pairs); i++)
        if (pairs[i].a_type == tag) return pairs[i].a_un.a_val;
    return 0;
}

// Whether a file is mapped at an address.
static bool maps(pid_t child, const char *file, unsigned long at) {
    static char text[65536];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/maps", child);
    int fd = open(path, O_RDONLY);
    NEED(fd);
    ssize_t n = 0, more;
    while ((more = read(fd, text + n, sizeof text - 1 - n)) > 0) n += more;
    close(fd);
    text[n] = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        unsigned long low, high;
        if (sscanf(line, "%lx-%lx", &low, &high) == 2 && low <= at && at < high) return strstr(line, file) != NULL;
    }
    return false;
}

static void follow(int options) {
    pid_t child = fork();
    if (child == 0) {
        NEED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
        raise(SIGSTOP);
        execl("/bin/guest", "guest", "x", NULL);
        _exit(9);
    }
    next(child);
    NEED(ptrace(PTRACE_SETOPTIONS, child, NULL, options));
    NEED(ptrace(PTRACE_CONT, child, NULL, NULL));
    say("%s", status_name(next(child)));
    unsigned long entry = auxiliary(child, AT_ENTRY), base = auxiliary(child, AT_BASE);
    struct user_regs_struct r = registers(child);
    say("program mapped: %d, its headers too: %d", maps(child, "/bin/guest", entry),
        maps(child, "/bin/guest", auxiliary(child, AT_PHDR)));
    if (base) say("interpreter mapped: %d, and about to run: %d", maps(child, "/ld-", base), maps(child, "/ld-", r.rip));
    else say("about to run: %d", r.rip == entry);
    errno = 0;
    say("arguments at the stack pointer: %ld", ptrace(PTRACE_PEEKDATA, child, r.rsp, NULL));
    char link[256], path[64];
    snprintf(path, sizeof path, "/proc/%d/exe", child);
    ssize_t n = readlink(path, link, sizeof link - 1);
    say("it runs %.*s", (int)(n < 0 ? 0 : n), link);
    long word = ptrace(PTRACE_PEEKTEXT, child, entry, NULL);
    NEED(ptrace(PTRACE_POKETEXT, child, entry, (word & ~0xffL) | 0xcc));
    NEED(ptrace(PTRACE_CONT, child, NULL, NULL));
    say("%s", status_name(next(child)));
    r = registers(child);
    say("at the breakpoint: %d", r.rip == entry + 1);
    NEED(ptrace(PTRACE_POKETEXT, child, entry, word));
    r.rip = entry;
    NEED(ptrace(PTRACE_SETREGS, child, NULL, &r));
    NEED(ptrace(PTRACE_CONT, child, NULL, NULL));
    say("%s", status_name(next(child)));
}

int main(int argc, char **argv) {
    if (argc > 1) return access("/data/link", F_OK) == 0 ? 4 : 5;
    follow(0);
    follow(PTRACE_O_TRACEEXEC);
}
