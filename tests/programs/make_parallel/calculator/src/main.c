#include <stdio.h>

#include "parser.h"

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        const char *error;
        double value = evaluate(argv[i], &error);
        if (error) {
            fprintf(stderr, "%s: %s\n", argv[i], error);
            return 2;
        }
        printf("%.10g\n", value);
    }
    return 0;
}
