package copier

import (
	"slices"
	"sync/atomic"
	"testing"
)

// Results are reported in the order of the items, whatever order they finish in, and at most
// width items run at the same time.
func TestInOrder(t *testing.T) {
	const items, width = 1000, 4
	var running, most atomic.Int32
	first := make(chan struct{})
	var got []int
	inOrder(width, func(yield func(int) bool) {
		for i := range items {
			if !yield(i) {
				return
			}
		}
	}, func(i int) int {
		n := running.Add(1)
		defer running.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		switch i {
		case 0:
			<-first // finishes long after the later ones
		case ahead / 2:
			close(first)
		}
		return i
	}, func(i int) { got = append(got, i) })
	want := make([]int, items)
	for i := range want {
		want[i] = i
	}
	if !slices.Equal(got, want) {
		t.Errorf("reported %v", got)
	}
	if n := most.Load(); n > width {
		t.Errorf("%d items ran at the same time, want at most %d", n, width)
	}
}
