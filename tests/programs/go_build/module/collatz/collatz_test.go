package collatz

import "testing"

func TestSteps(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{1: 0, 6: 8, 27: 111} {
		if got := Steps(n); got != want {
			t.Errorf("Steps(%d) = %d, want %d", n, got, want)
		}
	}
}
