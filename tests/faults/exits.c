// Does nothing: what fails is newroot's.
int main(void) { return 0; }
