// The later of two bindings at one path hides the earlier one.
// bind: made:/readonly
// bind: readonly:/made/by/binding
// bind: nested:/data/empty
// bind: made:/data/empty
// syscalls: openat getdents64
#include "../facts.h"

int main(void) {
    list("/readonly");
    put("/readonly/new", "writable here\n");
    CALL(unlink("/readonly/file"));
    show("/made/by/binding/file");
    CALL(unlink("/made/by/binding/link"));
    list("/made/by/binding");
    list("/data/empty");
    list("/data");
    list("/");
}
