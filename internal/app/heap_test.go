package app

import "testing"

// The pace reaches the floor exactly while the heap is small, and is the usual
// one beyond.
func TestPaceOfTheCollector(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		live, roots uint64
		want        int
	}{
		{5 * mib, 5 * mib, 300},
		{5 * mib, 10 * mib, 150},
		{10 * mib, 10 * mib, 100},
		{15 * mib, 16 * mib, 45},
		{200 * mib, 210 * mib, 45},
		{1, 1, 1000},
		{0, 0, 45},
	} {
		if got := percent(20*mib, c.live, c.roots); got != c.want {
			t.Errorf("%d live, %d roots: %d, want %d", c.live, c.roots, got, c.want)
		}
	}
}
