// What a guest says to `faults` (crates/testkit/helpers), which makes calls of the shim's fail.

#ifndef FAULT_H
#define FAULT_H

#include "../races/race.h"
#include "../../crates/testkit/helpers/faults.h"

// From now on the Nth call of the shim's in which this can run out fails, and with `on` those behind it. The result is
// the number of the call that failed since this was said last; -1 if there was none.
__attribute__((unused)) static int let_fail(long nth, int error, bool on) {
    return syscall(FAULTS_NUMBER, nth, (long)error, (long)on) - 1;
}

// Lets nothing fail any more.
__attribute__((unused)) static int let_be(void) { return let_fail(0, 0, false); }

// The same, while it is still to be told what failed.
__attribute__((unused)) static void stop_failing(void) { syscall(FAULTS_NUMBER, -1L, 0L, 0L); }

#endif
