// setreuid(2) and setregid(2): when the saved id follows.
// user: root
// syscalls: setreuid setregid
#include "identity.h"

static void start(int r, int e, int s) {
    NEED(setresuid(r, e, s));
}

int main(void) {
    static const int pairs[][2] = {{-1, -1}, {1, -1}, {-1, 2}, {2, 1}, {3, -1}, {-1, 3}, {0, 1}, {1, 1}, {2, 2}, {5, 5}, {-1, 1}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        pid_t child = fork();
        if (child == 0) {
            say("setreuid %d %d", pairs[i][0], pairs[i][1]);
            start(1, 2, 3);
            CALL(setreuid(pairs[i][0], pairs[i][1]));
            ids("after");
            _exit(0);
        }
        NEED(waitpid(child, NULL, 0));
        child = fork();
        if (child == 0) {
            say("setregid %d %d", pairs[i][0], pairs[i][1]);
            CALL(setregid(pairs[i][0], pairs[i][1]));
            ids("as root");
            NEED(setresgid(1, 2, 3));
            start(9, 9, 9);
            CALL(setregid(pairs[i][0], pairs[i][1]));
            ids("as another");
            _exit(0);
        }
        NEED(waitpid(child, NULL, 0));
    }
}
