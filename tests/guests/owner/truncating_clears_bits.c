// A truncation by a user other than root clears set-user-ID and set-group-ID.
// user: root
// syscalls: truncate openat
#include "identity.h"

static void each(const char *what, int (*change)(void)) {
    static const mode_t modes[] = {06777, 06767, 02676, 04666};
    for (int i = 0; i < 4; i++) {
        file_of("x", 0, 0, modes[i]);
        AS(33, 33) if (change()) say("%s: %s", what, errno_name(errno));
        say("%s", what);
        owner("x");
        NEED(unlink("x"));
    }
    file_of("x", 0, 0, 06777);
    change();
    owner("x");
    NEED(unlink("x"));
}

static int truncated(void) { return truncate("x", 1); }
static int opened(void) { return open("x", O_WRONLY | O_TRUNC) < 0; }

int main(void) {
    each("truncate", truncated);
    each("O_TRUNC", opened);
}
