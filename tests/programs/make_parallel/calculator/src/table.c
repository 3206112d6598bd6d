#include "table.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct entry *next;
    double value;
    char name[];
};

static struct entry *entries;

double *table_slot(const char *name) {
    for (struct entry *entry = entries; entry; entry = entry->next) {
        if (!strcmp(entry->name, name)) {
            return &entry->value;
        }
    }
    struct entry *entry = malloc(sizeof *entry + strlen(name) + 1);
    if (!entry) {
        abort();
    }
    strcpy(entry->name, name);
    entry->value = 0;
    entry->next = entries;
    entries = entry;
    return &entry->value;
}
