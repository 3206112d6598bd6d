// ".." out of a binding is the guest's parent directory, by path, link, cwd and descriptor.
// syscalls: openat chdir fchdir getcwd
#include "../facts.h"

static void here(void) {
    char cwd[PATH_MAX];
    say("in %s", getcwd(cwd, sizeof cwd) ? cwd : errno_name(errno));
}

int main(void) {
    show("/bound/../data/file");
    show("/bound/nested/../file");
    show("/bound/nested/../../data/file");
    show("/bound/nested/../nested/file");
    list("/made/by/binding/..");
    show("/made/by/binding/../../../data/file");
    show("/bound/up/data/file");
    show("/bound/dirlink/../up/boundfile");
    show("/data/tobound/../data/file");
    show_stat("/bound/..");
    show_stat("/bound/nested/..");
    CALL(open("/boundfile/..", O_RDONLY));
    CALL(chdir("/bound"));
    here();
    show("../data/file");
    show("nested/../file");
    CALL(chdir(".."));
    here();
    CALL(chdir("/bound/nested"));
    here();
    show("../file");
    CALL(chdir("../dirlink"));
    here();
    CALL(chdir("../.."));
    here();
    CALL(chdir("/made/by/binding"));
    here();
    CALL(chdir("../.."));
    here();
    CALL(chdir("/data/tobound"));
    here();
    CALL(chdir("totmp"));
    here();
    int fd = open("/bound/nested", O_PATH);
    CALL(openat(fd, "../file", O_RDONLY));
    CALL(openat(fd, "../../data/file", O_RDONLY));
    CALL(openat(fd, "..", O_RDONLY | O_DIRECTORY));
    CALL(openat(5, "..", O_RDONLY | O_DIRECTORY));
    CALL(faccessat(6, "data/file", F_OK, 0));
    CALL(fchdir(5));
    here();
}
