#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* Loads argv[1], calls a function of it and prints the path that the loader reports for it. */
int main(int argc, char **argv) {
    void *library = dlopen(argv[argc - 1], RTLD_NOW);
    if (!library) {
        return 3;
    }
    const char *(*name)(void) = (const char *(*)(void))dlsym(library, "plugin_name");
    struct link_map *map;
    char full[PATH_MAX];
    dlinfo(library, RTLD_DI_LINKMAP, &map);
    printf("%s from %s\n", name(), realpath(map->l_name, full));
    return dlclose(library);
}
