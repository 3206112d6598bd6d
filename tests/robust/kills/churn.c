// Processes to be killed at any moment: they change names, owners and modes of files, and execute
// each other. Started with "check" the program checks that the killed processes left whole files:
// each has a content that it was given, an owner and a group that were given together; a device is
// a device; and no name is dangling.
#include "../races/race.h"
#include <dirent.h>
#include <sys/sysmacros.h>

enum { NAMES = 12 };

static bool root;

static const char *name(unsigned i) {
    static char text[4][32];
    static unsigned next;
    char *into = text[next++ % 4];
    snprintf(into, sizeof text[0], "/work/%sf%u", i % 2 ? "" : "d/", i % NAMES);
    return into;
}

static void make(unsigned number) {
    char fresh[32], content[32];
    snprintf(fresh, sizeof fresh, "/work/new%d", getpid());
    snprintf(content, sizeof content, "file %u\n", number % 10);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, content, 7) != 7) _exit(20);
    close(fd);
    rename(fresh, name(number));
}

static void churn(unsigned seed) {
    unsigned state = seed * 2654435761u + 1;
    for (;;) {
        state = state * 1103515245u + 12345u;
        unsigned a = state >> 8 & 0xff, b = state >> 16 & 0xff;
        switch (state >> 28) {
        case 0: case 1: case 2: make(a); break;
        case 3: case 4: link(name(a), name(b)); break;
        case 5: rename(name(a), name(b)); break;
        case 6: case 7: unlink(name(a)); break;
        case 8: syscall(SYS_renameat2, AT_FDCWD, name(a), AT_FDCWD, name(b), 2); break;
        case 9: case 10: if (root) lchown(name(a), b % 3, b % 3 + 10); break;
        case 11: chmod(name(a), b % 2 ? 0644 : 0600); break;
        case 12: if (root) mknod(name(a), S_IFCHR | 0644, makedev(1, 3)); break;
        case 13: symlink("somewhere", name(a)); break;
        default: {
            pid_t pid = fork();
            if (pid == 0) execl("/bin/churn", "churn", "7", (char *)NULL), _exit(23);
            if (pid > 0) ended(pid);
        }
        }
    }
}

static void check(const char *directory) {
    DIR *list = opendir(directory);
    NEED(list ? 0 : -1);
    for (struct dirent *entry; (entry = readdir(list));) {
        char path[512], found[64] = "";
        struct stat s;
        if (entry->d_name[0] == '.') {
            if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) WRONG("%s is shown", entry->d_name);
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        if (lstat(path, &s) < 0) {
            WRONG("lstat %s: %s", path, errno_name(errno));
            continue;
        }
        if (S_ISDIR(s.st_mode)) {
            check(path);
            continue;
        }
        bool half = !strncmp(entry->d_name, "new", 3);
        if (root && s.st_gid != s.st_uid + 10 && (s.st_uid || s.st_gid)) WRONG("%s belongs to %d:%d", path, s.st_uid, s.st_gid);
        if (S_ISCHR(s.st_mode) && s.st_rdev != makedev(1, 3)) WRONG("%s is another device", path);
        if (S_ISLNK(s.st_mode)) {
            ssize_t n = readlink(path, found, sizeof found);
            if (n != 9 || memcmp(found, "somewhere", 9)) WRONG("%s leads to %.*s", path, (int)n, found);
        } else if (S_ISREG(s.st_mode)) {
            int fd = open(path, O_RDONLY);
            ssize_t n = fd < 0 ? -1 : read(fd, found, sizeof found);
            if (fd >= 0) close(fd);
            if (!half && (n != 7 || memcmp(found, "file ", 5))) WRONG("%s holds %zd bytes", path, n);
        } else if (!S_ISCHR(s.st_mode)) {
            WRONG("%s is a %s", path, type_name(s.st_mode));
        }
        // It must be removable, too.
        if (half && unlink(path) < 0) WRONG("unlink %s: %s", path, errno_name(errno));
    }
    closedir(list);
}

int main(int argc, char **argv) {
    root = geteuid() == 0;
    if (argc < 2) return 1;
    if (!strcmp(argv[1], "7")) return 7;
    if (!strcmp(argv[1], "check")) {
        check("/work");
        // All of it must be usable again.
        for (unsigned i = 0; i < NAMES; i++) {
            unlink(name(i));
            make(i);
            struct stat s;
            if (lstat(name(i), &s) < 0 || !S_ISREG(s.st_mode) || s.st_nlink != 1)
                WRONG("%s isn't a file with one name", name(i));
            if (root && (chown(name(i), 2, 12) < 0 || stat(name(i), &s) < 0 || s.st_uid != 2)) WRONG("chown %s", name(i));
        }
        say("%ld wrong", wrongs);
        return wrongs != 0;
    }
    for (int i = 0; i < 3; i++)
        if (fork() == 0) churn(atoi(argv[1]) + i);
    churn(atoi(argv[1]) + 3);
}
