// dlopen finds libraries by path and by name, in guest terms.
// link: dynamic
// bind: /usr/lib:/usr/lib:ro
// syscalls: openat mmap
#include "../facts.h"
#include <dlfcn.h>
#include <link.h>

static int listed;
static int each(struct dl_phdr_info *info, size_t size, void *name) {
    if (info->dlpi_name[0] == '/' && access(info->dlpi_name, R_OK) < 0) say("%s: %s", info->dlpi_name, errno_name(errno));
    listed += strstr(info->dlpi_name, name) != NULL;
    return 0;
}

static void try(const char *name) {
    void *library = dlopen(name, RTLD_NOW);
    if (!library) {
        say("%s: %s", name, dlerror());
        return;
    }
    double (*cosine)(double) = (double (*)(double))dlsym(library, "cos");
    listed = 0;
    dl_iterate_phdr(each, "libm");
    say("%s: cos(0) = %.1f, listed %d", name, cosine ? cosine(0) : -1, listed);
    dlclose(library);
}

int main(void) {
    try("libm.so.6");
    try("/usr/lib/x86_64-linux-gnu/libm.so.6");
    try("/usr/lib/../lib/x86_64-linux-gnu/libm.so.6");
    NEED(symlink("/usr/lib/x86_64-linux-gnu/libm.so.6", "libmine.so"));
    try("./libmine.so");
    try("libmine.so");
    try("/data/file");
    try("/data/missing.so");
}
