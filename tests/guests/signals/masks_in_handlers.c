// A handler runs with its own mask; afterwards the old mask is back.
// syscalls: rt_sigaction rt_sigprocmask
#include "../facts.h"

static char line[200];

static void note(const char *when) {
    sigset_t now;
    struct stat st;
    sigprocmask(SIG_BLOCK, NULL, &now);
    stat("/data/file", &st);
    sprintf(line + strlen(line), "%s%s%s%s%s ", when, sigismember(&now, SIGUSR1) ? " USR1" : "", sigismember(&now, SIGUSR2) ? " USR2" : "",
            sigismember(&now, SIGTERM) ? " TERM" : "", sigismember(&now, SIGSYS) ? " SYS" : "");
}

static void handler(int s) { note("handler:"); }

static void unmasking(int s) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_SETMASK, &set, NULL);
    note("changed:");
}

static void try(const char *what, void (*h)(int), int flags, int masked) {
    struct sigaction a = {.sa_handler = h, .sa_flags = flags};
    if (masked) sigaddset(&a.sa_mask, masked);
    NEED(sigaction(SIGUSR1, &a, NULL));
    line[0] = 0;
    raise(SIGUSR1);
    note("after:");
    say("%s: %s", what, line);
}

int main(void) {
    sigset_t full;
    try("plain", handler, 0, 0);
    try("nodefer", handler, SA_NODEFER, 0);
    try("masked", handler, 0, SIGUSR2);
    try("masking SIGSYS", handler, 0, SIGSYS);
    try("changing", unmasking, 0, 0);
    sigemptyset(&full);
    sigaddset(&full, SIGTERM);
    sigaddset(&full, SIGSYS);
    sigprocmask(SIG_BLOCK, &full, NULL);
    try("with others blocked", handler, 0, SIGUSR2);
    try("once", handler, SA_RESETHAND, 0);
    struct sigaction a;
    sigaction(SIGUSR1, NULL, &a);
    say("reset: %d", a.sa_handler == SIG_DFL);
}
