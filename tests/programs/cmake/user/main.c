#include <measure.h>
#include <stdio.h>

#include "words.h"

extern const char *made;

int main(void) {
    printf("%s: %d, %s: %d\n", SOURCE, measure(SOURCE), made, measure(made));
    return 0;
}
