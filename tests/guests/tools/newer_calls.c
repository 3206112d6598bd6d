// Makes calls that older kernels lack, with paths that don't exist.
#include "../facts.h"

int main(void) {
    CALL(syscall(439, AT_FDCWD, "/missing", R_OK, 0));
    CALL(syscall(441, -1, NULL, 1, NULL, (char[8]){}, 8));
    CALL(syscall(452, AT_FDCWD, "/missing", 0600, 0));
    CALL(syscall(463, AT_FDCWD, "/missing", 0, "user.x", NULL, 0));
}
