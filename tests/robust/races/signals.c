// Two storms of signals, one a thousand times a second and one from another process, whose handlers
// jump out of the interrupted code: no descriptor is left behind, and no answer is wrong.
#include "race.h"
#include <setjmp.h>

static sigjmp_buf back;
static volatile sig_atomic_t may_jump;
static volatile long jumps, handled;

static void jump(int signal) {
    handled++;
    if (may_jump) siglongjmp(back, 1);
}

static void look(void) {
    struct stat st;
    char text[32];
    if (stat("/work/file", &st) < 0 || st.st_size != 4) WRONG("stat: %s", errno_name(errno));
    if (stat("/link/deep/link", &st) < 0 || st.st_size != 4) WRONG("stat of a link: %s", errno_name(errno));
    if (lstat("/work/missing", &st) == 0 || errno != ENOENT) WRONG("lstat: %s", errno_name(errno));
    if (access("/link/file", R_OK) < 0) WRONG("access: %s", errno_name(errno));
    if (readlink("/work/deep/link", text, sizeof text) != 7) WRONG("readlink: %s", errno_name(errno));
    if (mkdir("/work/deep", 0755) == 0 || errno != EEXIST) WRONG("mkdir: %s", errno_name(errno));
    if (chmod("/link/file", 0644) < 0) WRONG("chmod: %s", errno_name(errno));
    if (truncate("/link/deep/link", 4) < 0) WRONG("truncate: %s", errno_name(errno));
}

// A jump would leak the opened descriptors, natively too.
static void open_files(void) {
    may_jump = 0;
    for (const char *const *f = (const char *const[]){"/work/file", "/link/file", "/work/deep/link", NULL}; *f; f++) {
        int fd = open(*f, O_RDONLY);
        if (fd < 0 || !holds(fd, "text")) WRONG("open %s: %s", *f, errno_name(errno));
        close(fd);
    }
}

int main(int argc, char **argv) {
    begin(argv);
    NEED(mkdir("/work/deep", 0755));
    NEED(symlink("work", "/link"));
    NEED(symlink("../file", "/work/deep/link"));
    put("/work/file", "text");
    int before = descriptors();
    on_signal(SIGALRM, jump, SA_RESTART);
    on_signal(SIGUSR1, jump, SA_RESTART);
    pid_t us = getpid(), other = fork();
    if (other == 0) {
        setitimer(ITIMER_REAL, &(struct itimerval){}, NULL);
        while (goes_on() && kill(us, SIGUSR1) == 0) usleep(300);
        _exit(0);
    }
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 1000}, {0, 1000}}, NULL);
    if (sigsetjmp(back, 1)) {
        jumps++;
        open_files();
    }
    may_jump = 1;
    while (goes_on()) look();
    may_jump = 0;
    setitimer(ITIMER_REAL, &(struct itimerval){}, NULL);
    ended(other);
    int after = descriptors();
    if (after != before) WRONG("%d descriptors for %d", after, before);
    if (!jumps) WRONG("no jump");
    fprintf(stderr, "%ld signals, %ld jumps\n", handled, jumps);
    say("%ld wrong", wrongs);
}
