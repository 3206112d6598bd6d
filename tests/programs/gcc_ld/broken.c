int main(void) { return MISSING; }
