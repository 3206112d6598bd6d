// Prints all facts that root can find about every file in the root: the remains of a guest, as seen
// from inside. Arguments are files to leave out.
#include "../facts.h"
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static int compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void attributes(const char *path) {
    char names[4096], *sorted[64];
    ssize_t len = llistxattr(path, names, sizeof names);
    if (len < 0) {
        // A file system without attributes.
        if (errno != EOPNOTSUPP) say("    attributes: %s", errno_name(errno));
        return;
    }
    int count = 0;
    for (char *name = names; name < names + len && count < 64; name += strlen(name) + 1) sorted[count++] = name;
    qsort(sorted, count, sizeof *sorted, compare);
    for (int i = 0; i < count; i++) {
        unsigned char value[128];
        char text[2 * sizeof value + 1] = "";
        ssize_t n = lgetxattr(path, sorted[i], value, sizeof value);
        for (ssize_t at = 0; at < n; at++) sprintf(text + 2 * at, "%02x", value[at]);
        say("    %s: %s", sorted[i], n < 0 ? errno_name(errno) : text);
    }
}

static void contents(const char *path, const struct stat *s) {
    if (S_ISLNK(s->st_mode)) show_link(path);
    else if (S_ISREG(s->st_mode) && s->st_size <= 200) show(path);
    else if (S_ISREG(s->st_mode)) say("%s has %ld bytes", path, (long)s->st_size);
}

static void survey(const char *path, char **skipped) {
    for (char **skip = skipped; *skip; skip++) if (!strcmp(path, *skip)) return;
    struct stat s;
    if (lstat(path, &s) < 0) {
        say("%s: %s", path, errno_name(errno));
        return;
    }
    say("%s: %s %04o %d:%d", path, type_name(s.st_mode), s.st_mode & 07777, s.st_uid, s.st_gid);
    if (!S_ISDIR(s.st_mode)) say("    %ld links, device %d,%d", (long)s.st_nlink, major(s.st_rdev), minor(s.st_rdev));
    attributes(path);
    contents(path, &s);
    if (!S_ISDIR(s.st_mode)) return;
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);
    if (count < 0) say("    list: %s", errno_name(errno));
    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        char below[PATH_MAX];
        snprintf(below, sizeof below, "%s%s%s", path, path[1] ? "/" : "", name);
        bool is_right = names[i]->d_type == DT_UNKNOWN || (lstat(below, &s) == 0 && IFTODT(s.st_mode) == names[i]->d_type);
        if (strcmp(name, ".") && strcmp(name, "..")) {
            if (!is_right) say("%s is listed as type %d", below, names[i]->d_type);
            survey(below, skipped);
        }
    }
}

int main(int argc, char **argv) {
    (void)argc;
    survey("/", argv + 1);
}
