// A binding makes its missing parents visible, below the root and below other bindings.
// bind: made:/one/two/three/four
// bind: file:/one/two/leaf
// bind: nested:/bound/dir/five/six
// syscalls: openat access readlink mkdir rmdir unlink
#include "../facts.h"

int main(void) {
    list("/one");
    list("/one/two");
    list("/one/two/three");
    list("/one/two/three/four");
    list("/bound/dir");
    list("/bound/dir/five");
    list("/bound/dir/five/six");
    show("/one/two/leaf");
    show("/one/two/three/../leaf");
    show("/one/two/three/four/../../leaf");
    show("/one/../data/file");
    CALL(access("/one/missing", F_OK));
    CALL(access("/one/two/three/missing", F_OK));
    CALL(access("/one/two/leaf/x", F_OK));
    CALL(open("/one", O_RDONLY | O_DIRECTORY));
    CALL(open("/one/two", O_PATH));
    CALL(openat(4, "three/four/file", O_RDONLY));
    CALL(openat(4, "../two/leaf", O_RDONLY));
    CALL(readlink("/one/two", (char[9]){0}, 9));
    CALL(chdir("/one/two/three"));
    char cwd[100];
    say("%s", getcwd(cwd, sizeof cwd));
    show("four/file");
    show("../leaf");
    CALL(chdir("../.."));
    say("%s", getcwd(cwd, sizeof cwd));
    CALL(rmdir("/one/two/three/four"));
    CALL(mkdir("/one/two", 0755));
    CALL(rmdir("/one/two"));
    CALL(unlink("/one/two"));
    show_link("/proc/self/cwd");
}
