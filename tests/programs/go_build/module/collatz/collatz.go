// Package collatz counts steps.
package collatz

// #include "step.h"
import "C"

// Steps from n down to one.
func Steps(n int) int {
	steps := 0
	for ; n != 1; steps++ {
		n = int(C.step(C.long(n)))
	}
	return steps
}
