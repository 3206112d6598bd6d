// Syscall User Dispatch turns the program's calls into SIGSYS signals, whichever they are.
// syscalls: prctl
#include "dispatch.h"

static void *thread(void *argument) {
    (void)argument;
    // A new thread starts without it.
    blocked("a thread's", other_call, SYS_getpid, 0, 0, 0, 0);
    if (dispatch(ON, 0, 0, &selector) < 0) say("%s", errno_name(errno));
    blocked("a thread's own", other_call, SYS_getpid, 0, 0, 0, 0);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        catch_dispatch(false);
        blocked("after an exec", other_call, SYS_getpid, 0, 0, 0, 0);
        return 0;
    }
    CALL(dispatch(OFF, 0, 0, NULL));
    CALL(dispatch(OFF, 0, 1, NULL));
    CALL(dispatch(OFF, 0, 0, &selector) == -1 && errno == EINVAL);
    CALL(dispatch(ON, 0x1000, 0, &selector));
    CALL(dispatch(ON, -4096, 8192, &selector));
    CALL(dispatch(ON, 0, 0, (char *)-1));
    CALL(dispatch(99, 0, 0, NULL));
    // A refused request doesn't turn it on.
    catch_dispatch(false);
    blocked("none", other_call, SYS_getpid, 0, 0, 0, 0);

    // Call sites that trap often are patched after a while.
    for (int i = 0; i < 200; i++) other_call(SYS_access, (long)"/data/file", 0, 0, 0);
    NEED(dispatch(ON, 0, 0, &selector));
    blocked("getpid", other_call, SYS_getpid, 1, 2, 0, 0);
    blocked("access", other_call, SYS_access, (long)"/data/file", 0, 0, 0);
    blocked("openat", other_call, SYS_openat, AT_FDCWD, (long)"/data/file", 0, 0);
    blocked("no call", other_call, 7777, 1, 2, 0, 0);
    for (int i = 0; i < 3; i++) blocked("again", other_call, SYS_access, (long)"/data/file", 0, 0, 0);
    say("allowed: %ld", other_call(SYS_access, (long)"/data/file", 0, 0, 0));
    show("/data/file");

    pthread_t other;
    NEED(-pthread_create(&other, NULL, thread, NULL));
    pthread_join(other, NULL);
    blocked("still the first one's", other_call, SYS_getpid, 0, 0, 0, 0);

    pid_t child = fork();
    if (child == 0) {
        blocked("a child's", other_call, SYS_getpid, 0, 0, 0, 0);
        blocked("a child's", other_call, SYS_access, (long)"/data/file", 0, 0, 0);
        _exit(0);
    }
    reap("child", child);
    child = fork();
    if (child == 0) {
        NEED(dispatch(ON, 0, 0, &selector));
        execl("/bin/guest", "guest", "x", NULL);
        _exit(9);
    }
    reap("exec", child);

    child = fork();
    if (child == 0) {
        signal(SIGSYS, SIG_DFL);
        NEED(dispatch(ON, 0, 0, &selector));
        selector = BLOCK;
        other_call(SYS_access, (long)"/data/file", 0, 0, 0);
        _exit(0);
    }
    reap("no handler", child);
    child = fork();
    if (child == 0) {
        NEED(dispatch(ON, 0, 0, &selector));
        selector = 7;
        other_call(SYS_getpid, 0, 0, 0, 0);
        _exit(0);
    }
    reap("a selector that says nothing", child);

    NEED(dispatch(OFF, 0, 0, NULL));
    blocked("off", other_call, SYS_getpid, 0, 0, 0, 0);
    blocked("off", other_call, SYS_access, (long)"/data/file", 0, 0, 0);

    // Since Linux 6.16 a range can be the one whose calls are dispatched.
    if (dispatch(2, (unsigned long)own_code, own_code_end - own_code + 1, &selector) < 0) return 0;
    blocked("in the range", own_call, SYS_getpid, 0, 0, 0, 0);
    blocked("in the range", own_call, SYS_access, (long)"/data/file", 0, 0, 0);
    blocked("not in it", other_call, SYS_access, (long)"/data/file", 0, 0, 0);
    NEED(dispatch(OFF, 0, 0, NULL));
    blocked("off again", own_call, SYS_access, (long)"/data/file", 0, 0, 0);
}
