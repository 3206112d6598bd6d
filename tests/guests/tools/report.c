// Prints its arguments, one per line: the interpreter of scripts and the target of spawns.
#include "../facts.h"

int main(int argc, char **argv) {
    say("report: %d arguments", argc);
    for (int i = 0; i < argc; i++) say("  [%d] %s", i, argv[i]);
}
