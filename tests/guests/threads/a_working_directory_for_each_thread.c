// unshare(CLONE_FS) gives a thread its own working directory and umask.
// syscalls: unshare chdir umask
#include "../facts.h"
#include <sched.h>

static pthread_barrier_t step;
static char there[PATH_MAX], again[PATH_MAX];
static int opened, shared_result;

static void *wander(void *unused) {
    shared_result = unshare(CLONE_FS);
    NEED(chdir("/bound/dir"));
    umask(077);
    getcwd(there, sizeof there);
    pthread_barrier_wait(&step);
    pthread_barrier_wait(&step);
    opened = access("inner", R_OK) == 0 && access("../file", R_OK) == 0;
    getcwd(again, sizeof again);
    return NULL;
}

static void *follow(void *unused) {
    NEED(chdir("/data/dir/deep"));
    return NULL;
}

int main(void) {
    pthread_t t;
    char cwd[PATH_MAX];
    pthread_barrier_init(&step, NULL, 2);
    pthread_create(&t, NULL, wander, NULL);
    pthread_barrier_wait(&step);
    say("unshare %d: thread in %s, we in %s", shared_result, there, getcwd(cwd, sizeof cwd));
    NEED(chdir("/data"));
    show("file");
    put("/here/new", "");
    show_stat("/here/new");
    pthread_barrier_wait(&step);
    pthread_join(t, NULL);
    say("thread found its files: %d, in %s", opened, again);
    pthread_create(&t, NULL, follow, NULL);
    pthread_join(t, NULL);
    say("a sharing thread moved us to %s", getcwd(cwd, sizeof cwd));
    show("leaf");
}
