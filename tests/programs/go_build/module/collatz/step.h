long step(long n);
