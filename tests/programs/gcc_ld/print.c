#include <stdio.h>

__attribute__((constructor)) static void loaded(void) { printf("loaded, "); }

void print(int number) { printf("%d\n", number); }
