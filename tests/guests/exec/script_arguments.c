// A "#!" line gives its interpreter at most one argument, then the script's name and arguments.
// syscalls: execve
#include "../facts.h"

static void script(const char *name, const char *line) {
    put(name, line);
    NEED(chmod(name, 0755));
    pid_t child = fork();
    if (child == 0) {
        execv(name, (char *[]){"argv0", "one", "two words", NULL});
        say("%s: %s", name, errno_name(errno));
        _exit(0);
    }
    reap(name, child);
}

int main(void) {
    script("plain", "#!/bin/report\n");
    script("/here/absolute", "#!/bin/report\n");
    script("./dotted", "#!/bin/report -x\n");
    script("spaces", "#!  /bin/report   a b  c  \n");
    script("tabs", "#!\t/bin/report\ta\t\n");
    script("no-newline", "#!/bin/report end");
    script("return", "#!/bin/report\r\n");
    script("empty", "#!\n");
    script("blank", "#!   \n");
    script("missing", "#!/bin/nowhere\n");
    script("directory", "#!/data/dir\n");
    script("not-executable", "#!/data/file\n");
    script("below-file", "#!/data/file/x\n");
    script("link", "#!/here/tobin/report linked\n");
    NEED(symlink("/bin", "tobin"));
    script("link", "#!/here/tobin/report linked\n");
    script("relative", "#!tobin/report rel\n");
    script("dotdot", "#!../bin/report up\n");
    script("/bound/script", "#!/bin/report bound\n");
    script("/made/by/binding/script", "#! ../bin/report made\n");
    NEED(chdir("/bound"));
    script("script", "#!/bin/report here\n");
    script("self", "#!/bound/self\n");
    script("to-nested", "#!/bound/nested/file\n");
}
