// RENAME_NOREPLACE and RENAME_EXCHANGE.
// syscalls: renameat2
#include "../facts.h"

static long renameat2_(const char *from, const char *to, unsigned flags) {
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

int main(void) {
    put("a", "a\n");
    put("b", "b\n");
    CALL(mkdir("d", 0755));
    CALL(symlink("a", "s"));
    CALL(renameat2_("a", "b", RENAME_NOREPLACE));
    CALL(renameat2_("a", "c", RENAME_NOREPLACE));
    CALL(renameat2_("c", "s", RENAME_NOREPLACE));
    CALL(renameat2_("b", "c", RENAME_EXCHANGE));
    show("b");
    show("c");
    CALL(renameat2_("b", "d", RENAME_EXCHANGE));
    show_lstat("b");
    show("d");
    CALL(renameat2_("b", "missing", RENAME_EXCHANGE));
    CALL(renameat2_("missing", "b", RENAME_EXCHANGE));
    CALL(renameat2_("s", "c", RENAME_EXCHANGE));
    show_link("c");
    CALL(renameat2_("b", "c", RENAME_EXCHANGE | RENAME_NOREPLACE));
    CALL(renameat2_("b", "c", 1 << 10));
    CALL(renameat2_("b", "b/below", RENAME_EXCHANGE));
    CALL(renameat2_("/bound/file", "/bound/dir", RENAME_EXCHANGE));
    CALL(renameat2_("/bound/dir", "/bound/moved", RENAME_NOREPLACE));
    CALL(renameat2_("/bound/moved", "/here/moved", RENAME_NOREPLACE));
    CALL(renameat2_("/bound/moved", "d", RENAME_EXCHANGE));
    CALL(renameat2_("b", "/bound/nested", RENAME_EXCHANGE));
    CALL(renameat2_("b", "/bound/nested", RENAME_NOREPLACE));
    list("/here");
    list("/bound");
}
