#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static int counter;

static void *race(void *nothing) {
    counter++;
    return nothing;
}

static void leak(void) {
    void *volatile lost = malloc(40);
    lost = NULL;
    (void)lost;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        pthread_t other;
        pthread_create(&other, NULL, race, NULL);
        race(argv);
        return pthread_join(other, NULL);
    }
    int *numbers = malloc(4 * sizeof *numbers);
    numbers[3] = 1;
    printf("%d\n", numbers[4] == numbers[3]);
    free(numbers);
    leak();
    return 0;
}
