#include "step.h"

long step(long n) { return n % 2 ? 3 * n + 1 : n / 2; }
