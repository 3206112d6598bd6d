#include <stdio.h>

void print(int number) { printf("preloaded %d\n", number); }
