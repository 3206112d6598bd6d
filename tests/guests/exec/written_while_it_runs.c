// A running program can't be opened for writing.
// syscalls: openat
#include "../facts.h"

int main(void) {
    CALL(open("/bin/guest", O_WRONLY));
    CALL(open("/bin/guest", O_RDWR));
    CALL(open("/bin/report", O_RDWR));
}
