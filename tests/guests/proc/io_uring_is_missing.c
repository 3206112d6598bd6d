// io_uring opens files without translation, so newroot reports it as missing.
// syscalls: io_uring_setup
#include "../facts.h"

int main(void) {
    char parameters[120] = "";
    CALL(syscall(425, 4, parameters));
    CALL(syscall(425, 4, NULL));
}
