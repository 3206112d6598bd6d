// A guest's requests to `faults` (crates/testkit/helpers), which makes the shim's calls fail.

#ifndef FAULT_H
#define FAULT_H

#include "../races/race.h"
#include "../../../crates/testkit/helpers/faults.h"

// From now on the Nth of the shim's calls that can run out of this resource fails, and with `on`
// all later ones. Returns the number of the call that failed since the last request; -1 if there
// was none.
__attribute__((unused)) static int let_fail(long nth, int error, bool on) {
    return syscall(FAULTS_NUMBER, nth, (long)error, (long)on) - 1;
}

// Makes no more calls fail, and returns the call that failed.
__attribute__((unused)) static int let_be(void) { return let_fail(0, 0, false); }

// Makes no more calls fail, and keeps the failed call's number for the next request.
__attribute__((unused)) static void stop_failing(void) { syscall(FAULTS_NUMBER, -1L, 0L, 0L); }

#endif
