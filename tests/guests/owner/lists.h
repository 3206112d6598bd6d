// POSIX access control lists in the kernel's format.

#ifndef LISTS_H
#define LISTS_H

#include "identity.h"

struct entry {
    uint16_t tag, permissions;
    uint32_t id;
};

enum { OWNER = 1, USER = 2, OWNING_GROUP = 4, GROUP = 8, MASK = 16, OTHER = 32 };

struct list {
    uint32_t version;
    struct entry entries[8];
};

#define LIST(...) (struct list){2, {__VA_ARGS__}}

static long set_list_(const char *path, const char *kind, struct list list) {
    char name[64];
    int count = 0;
    while (count < 8 && list.entries[count].tag) count++;
    for (int i = 0; i < count; i++) if (list.entries[i].tag != USER && list.entries[i].tag != GROUP) list.entries[i].id = -1;
    snprintf(name, sizeof name, "system.posix_acl_%s", kind);
    return setxattr(path, name, &list, 4 + 8 * count, 0);
}

static void show_list(const char *path, const char *kind) {
    char name[64], line[256] = "";
    struct list list;
    snprintf(name, sizeof name, "system.posix_acl_%s", kind);
    ssize_t n = getxattr(path, name, &list, sizeof list);
    if (n < 0) {
        say("%s %s: %s", path, kind, errno_name(errno));
        return;
    }
    for (int i = 0, at = 0; i < (n - 4) / 8; i++)
        at += snprintf(line + at, sizeof line - at, " %d:%d:%d", list.entries[i].tag, (int)list.entries[i].id, list.entries[i].permissions);
    say("%s %s:%s", path, kind, line);
}

#endif
