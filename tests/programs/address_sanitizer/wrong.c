#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int always(const char *word, char **argv) { return argv[1] && !strcmp(argv[1], word); }

static void *looks(void *path) {
    struct stat facts;
    for (int i = 0; i < 1000; i++) {
        if (stat(path, &facts) < 0) {
            abort();
        }
    }
    return NULL;
}

__attribute__((noinline)) static int use_after_free(int *block) {
    free(block);
    return block[1];
}

__attribute__((noinline)) static int stack_overflow(int index) {
    volatile int numbers[4] = {1, 2, 3, 4};
    return numbers[index];
}

int main(int argc, char **argv) {
    int *block = malloc(4 * sizeof *block);
    memset(block, 0, 4 * sizeof *block);
    if (always("use-after-free", argv)) {
        return use_after_free(block);
    }
    if (always("heap-overflow", argv)) {
        return block[argc + 2];
    }
    if (always("stack-overflow", argv)) {
        return stack_overflow(argc + 2);
    }
    if (always("null", argv)) {
        return *(volatile int *)NULL;
    }
    if (always("leak", argv)) {
        block = NULL;
        return 0;
    }
    if (always("shift", argv)) {
        printf("%d\n", 1 << (argc + 30));
    }
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        pthread_create(&threads[i], NULL, looks, "/etc/passwd");
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    free(block);
    return 0;
}
