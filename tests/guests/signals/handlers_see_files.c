// Handlers may make any call that translates paths, nested and on any stack.
// syscalls: rt_sigaction newfstatat openat getcwd
#include "../facts.h"

static int results[64], count;

static void files(int s) {
    struct stat st;
    char cwd[64];
    results[count++] = stat("/data/link", &st) == 0 && st.st_size == 5;
    results[count++] = open("/data/missing", O_RDONLY) == -1 && errno == ENOENT;
    results[count++] = syscall(SYS_getcwd, cwd, sizeof cwd) == 6;
    int fd = open("/bound/abs", O_RDONLY);
    results[count++] = fd >= 0;
    close(fd);
    if (s == SIGUSR1) raise(SIGUSR2);
    results[count++] = access("/bound/nested/file", R_OK) == 0;
}

int main(void) {
    static char small[8192];
    on_signal(SIGUSR1, files, 0);
    on_signal(SIGUSR2, files, SA_ONSTACK);
    raise(SIGUSR1);
    say("%d results", count);
    NEED(sigaltstack(&(stack_t){.ss_sp = small, .ss_size = sizeof small}, NULL));
    raise(SIGUSR1);
    raise(SIGUSR2);
    say("%d results", count);
    for (int i = 0; i < count; i++) if (!results[i]) say("result %d is wrong", i);
    stack_t now;
    sigaltstack(NULL, &now);
    say("alternate stack kept: %d", now.ss_sp == small && now.ss_size == sizeof small && now.ss_flags == 0);
    on_signal(SIGUSR1, SIG_DFL, 0);
    errno = 0;
    struct stat st;
    CALL(stat("/data/file", &st));
    say("errno left alone: %d", errno);
}
