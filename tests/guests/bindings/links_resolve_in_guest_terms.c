// Symbolic links inside a binding mean guest paths, and links into one arrive there.
// syscalls: openat readlink symlink
#include "../facts.h"

int main(void) {
    show("/bound/abs");
    show("/bound/link");
    show("/bound/dirlink/inner");
    list("/bound/totmp");
    show_link("/bound/abs");
    NEED(symlink("../data/file", "/bound/relative"));
    show("/bound/relative");
    NEED(symlink("../bound/nested/file", "/bound/roundabout"));
    show("/bound/roundabout");
    NEED(symlink("/bound/nested", "/data/tonested"));
    show("/data/tonested/file");
    show("/data/tonested/../link");
    NEED(symlink("/boundfile", "/bound/nested/tofile"));
    show("/bound/nested/tofile");
    NEED(symlink("/made/by/binding/file", "/here/tomade"));
    show("/here/tomade");
    NEED(symlink("../../../here/new", "/made/by/binding/tonew"));
    put("/made/by/binding/tonew", "created through a link\n");
    show("/here/new");
    NEED(symlink("/readonly/file", "/bound/toreadonly"));
    show("/bound/toreadonly");
    CALL(open("/bound/toreadonly", O_WRONLY));
    CALL(unlink("/bound/toreadonly"));
}
