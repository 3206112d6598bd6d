// A program whose memory and thread stacks lie where newroot would put some of its own.
// syscalls: mmap clone
#include "../facts.h"

enum { THREADS = 6, STACK = 256 * 1024, CALLS = 3000 };

static int wrong;

static void *work(void *argument) {
    (void)argument;
    struct stat s;
    for (int i = 0; i < CALLS; i++) {
        if (stat("/data/outwards", &s) < 0 || access("/data/missing", F_OK) == 0)
            __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
        int fd = open("/bound/link", O_RDONLY);
        if (fd < 0 || close(fd) < 0) __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[THREADS];
    char *low = mmap((void *)0x6f000000, 0x1000000, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    say("%s", low == (char *)0x6f000000 ? "mapped" : "not mapped");
    for (int i = 0; i < THREADS; i++) {
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        NEED(-pthread_attr_setstack(&attributes, low + 0x1000000 - (i + 1) * STACK, STACK));
        NEED(-pthread_create(&threads[i], &attributes, work, NULL));
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    pid_t child = fork();
    if (child == 0) {
        work(NULL);
        _exit(wrong != 0);
    }
    reap("child", child);
    say("%d wrong", wrong);
    NEED(munmap(low, 0x1000000));
    for (int i = 0; i < THREADS; i++) NEED(-pthread_create(&threads[i], NULL, work, NULL));
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    say("%d wrong", wrong);
}
