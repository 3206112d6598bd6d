// Does nothing: any failure comes from newroot.
int main(void) { return 0; }
