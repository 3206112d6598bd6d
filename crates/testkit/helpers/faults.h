// What `faults` and the programs under it agree upon.

#ifndef FAULTS_H
#define FAULTS_H

// A system call that no kernel has: from now on the Nth (first argument) fails with this error (second), and the ones
// behind it as well (third); 0 lets all of them be, as does -1, which asks for nothing. The result is what failed since it was made last: the number of the
// call plus one, or 0.
#define FAULTS_NUMBER 0x6e66

// Where the shim's code lies, and where the code of statically linked guests ends.
#define SHIM_BEGINS 0x70000000ull
#define SHIM_ENDS 0x70850000ull
#define FIXED_END 0x1000000ull

#endif
