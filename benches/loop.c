// Runs a known number of instructions, and prints how many nanoseconds the clock counts for them.
//
//   loop N           N million instructions

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int argc, char **argv) {
    // Two instructions in each round.
    unsigned long rounds = argc > 1 ? strtoul(argv[1], NULL, 10) * 500000 : 0;
    if (rounds == 0) {
        fprintf(stderr, "usage: loop N\n");
        return 2;
    }
    double start = now();
    __asm__ volatile("1: dec %0; jnz 1b" : "+r"(rounds) : : "cc");
    printf("%.0f\n", now() - start);
    return 0;
}
