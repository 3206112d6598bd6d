// io_uring opens files where no translation sees it, so it isn't there.
#include "../facts.h"

int main(void) {
    char parameters[120] = "";
    CALL(syscall(425, 4, parameters));
    CALL(syscall(425, 4, NULL));
}
