// The largest possible number of threads, up to the second argument, each of which stats and opens
// files.
#include "race.h"

static _Atomic long calls;

static void *work(void *number) {
    char own[32], text[32];
    snprintf(own, sizeof own, "/work/%ld", (long)number);
    snprintf(text, sizeof text, "%ld", (long)number);
    do {
        struct stat st;
        int fd = open(own, O_RDWR | O_CREAT, 0644);
        if (fd < 0) {
            WRONG("open %s: %s", own, errno_name(errno));
            break;
        }
        if (pwrite(fd, text, strlen(text), 0) < 0 || !holds(fd, text)) WRONG("%s is another file", own);
        close(fd);
        if (stat(own, &st) < 0 || st.st_size != (off_t)strlen(text)) WRONG("stat %s", own);
        if (stat("/work/missing", &st) == 0 || errno != ENOENT) WRONG("stat of a missing file: %s", errno_name(errno));
        if (stat("/link/0", &st) < 0) WRONG("stat through a link: %s", errno_name(errno));
        calls += 4;
    } while (goes_on());
    return NULL;
}

int main(int argc, char **argv) {
    static pthread_t threads[2000];
    long most = atol(argv[2]), made = 0;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if ((rlim_t)most + 16 > limit.rlim_cur) most = limit.rlim_cur - 16;
    NEED(symlink("work", "/link"));
    put("/work/0", "0");
    int before = descriptors();
    begin(argv);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    while (made < most && made < 2000 && !pthread_create(&threads[made], &attributes, work, (void *)made)) made++;
    for (long i = 0; i < made; i++) pthread_join(threads[i], NULL);
    if (made < 8) WRONG("only %ld threads", made);
    if (descriptors() != before) WRONG("%d descriptors for %d", descriptors(), before);
    fprintf(stderr, "%ld threads, %ld calls\n", made, calls);
    say("%ld wrong", wrongs);
}
