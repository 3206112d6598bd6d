// realpath, glob, nftw and mkstemp see one consistent tree.
// syscalls: getdents64 newfstatat readlink openat
#include "../facts.h"
#include <ftw.h>
#include <glob.h>

static int files, directories, links;

static int count(const char *path, const struct stat *s, int type, struct FTW *f) {
    if (type == FTW_F) files++;
    else if (type == FTW_SL) links++;
    else if (type == FTW_D) directories++;
    else say("%s: type %d", path, type);
    return 0;
}

int main(void) {
    static const char *const paths[] = {"/data/abs", "/data/outwards", "/data/tobound/dirlink/inner", "/bound/up/data/dirlink", "/bound/totmp", "..",
                                        "/data/dangling", "/data/loop", "/data/file/x", "/made/by/../by/binding/file", "/bound/nested/../link", "/proc/self/cwd"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        char resolved[PATH_MAX];
        say("realpath %s: %s", paths[i], realpath(paths[i], resolved) ? resolved : errno_name(errno));
    }
    nftw("/data", count, 10, FTW_PHYS);
    say("%d files, %d directories, %d links", files, directories, links);
    files = directories = links = 0;
    nftw("/bound", count, 10, FTW_PHYS | FTW_CHDIR);
    say("%d files, %d directories, %d links", files, directories, links);
    glob_t g;
    CALL(glob("/*/*ile", 0, NULL, &g));
    for (size_t i = 0; i < g.gl_pathc; i++) if (strncmp(g.gl_pathv[i], "/proc", 5) && strncmp(g.gl_pathv[i], "/dev", 4)) say("  %s", g.gl_pathv[i]);
    char name[] = "/tmp/XXXXXX", dir[] = "/tmp/XXXXXX";
    int fd = mkstemp(name);
    say("made %d, private %d", fd >= 0, fchmod(fd, 0600));
    CALL(unlink(name));
    say("made %d", mkdtemp(dir) != NULL);
    CALL(rmdir(dir));
    FILE *f = tmpfile();
    say("made %d", f != NULL);
}
