#include "measure.h"

int main() { return measure("four") == 4 ? 0 : 1; }
