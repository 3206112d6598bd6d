// maps, smaps, numa_maps and map_files of another guest process show guest paths, however they are
// reached.
// link: static dynamic
// syscalls: openat read readlink
#include "../facts.h"

static pid_t child;

// Counts a mapped file's lines in a file of /proc, and the names in it that lead nowhere.
static void names(const char *path, int fd, const char *wanted) {
    static char line[8192];
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
    if (!f) {
        say("%s: %s", path, errno_name(errno));
        return;
    }
    int found = 0, odd = 0;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        char *name = strchr(line, '/');
        if (!name) continue;
        // In numa_maps more text follows the name.
        if (strstr(line, "file=")) name[strcspn(name, " ")] = 0;
        if (!strcmp(name, wanted)) found = 1;
        if (access(name, F_OK) < 0) odd++;
    }
    fclose(f);
    say("%s: %s %s, %d names that lead nowhere", path, wanted, found ? "found" : "missing", odd);
}

static void by_path(const char *file, const char *wanted) {
    char path[100];
    snprintf(path, sizeof path, "/proc/%d/%s", child, file);
    names(file, open(path, O_RDONLY), wanted);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        int fd = open("/bound/nested/file", O_RDONLY);
        char *map = mmap((void *)0x10000000, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
        NEED(map == MAP_FAILED ? -1 : *map);
        NEED(write(atoi(argv[1]), "r", 1));
        for (;;) pause();
    }
    int ready[2];
    NEED(pipe(ready));
    child = fork();
    if (child == 0) {
        char number[12];
        snprintf(number, sizeof number, "%d", ready[1]);
        execl("/bin/guest", "the child", number, NULL);
        _exit(9);
    }
    char c, path[100], target[200];
    NEED(read(ready[0], &c, 1));
    static const char *const files[] = {"maps", "smaps", "numa_maps"};
    for (int i = 0; i < 3; i++) {
        by_path(files[i], "/bound/nested/file");
        by_path(files[i], "/bin/guest");
    }
    snprintf(path, sizeof path, "task/%d/maps", child);
    snprintf(target, sizeof target, "/proc/%d/%s", child, path);
    names("maps of its thread", open(target, O_RDONLY), "/bound/nested/file");

    // By a directory's descriptor, and as the working directory.
    snprintf(path, sizeof path, "/proc/%d", child);
    int directory = open(path, O_RDONLY | O_DIRECTORY);
    names("at descriptor", openat(directory, "maps", O_RDONLY), "/bound/nested/file");
    NEED(chdir(path));
    names("relative", open("maps", O_RDONLY), "/bound/nested/file");
    names("relative smaps", open("./smaps", O_RDONLY), "/bin/guest");
    names("through the own root", open("/proc/self/root/proc/self/maps", O_RDONLY), "/bin/guest");
    show_link("exe");
    show_link("cwd");
    NEED(chdir("/here"));

    // The links to mapped files.
    snprintf(path, sizeof path, "/proc/%d/map_files/10000000-10001000", child);
    ssize_t n = readlink(path, target, sizeof target);
    if (n < 0) say("map_files: %s", errno_name(errno));
    else say("map_files -> %.*s", (int)n, target);
    snprintf(path, sizeof path, "/proc/%d/map_files", child);
    int files_directory = open(path, O_RDONLY | O_DIRECTORY);
    n = readlinkat(files_directory, "10000000-10001000", target, sizeof target);
    if (n < 0) say("at descriptor: %s", errno_name(errno));
    else say("at descriptor -> %.*s", (int)n, target);
    snprintf(path, sizeof path, "/proc/%d/map_files/10000000-10001000", child);
    int fd = open(path, O_RDONLY);
    say("followed: %s", fd < 0 ? errno_name(errno) : "open");
    int odd = 0, count = 0;
    DIR *list = fdopendir(files_directory);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        if (entry->d_name[0] == '.') continue;
        n = readlinkat(dirfd(list), entry->d_name, target, sizeof target - 1);
        target[n < 0 ? 0 : n] = 0;
        count++;
        if (target[0] == '/' && access(target, F_OK) < 0) odd++;
    }
    say("some: %s, %d lead nowhere", count ? "yes" : "no", odd);

    NEED(kill(child, SIGKILL));
    reap("child", child);
    by_path("maps", "/bin/guest");
}
