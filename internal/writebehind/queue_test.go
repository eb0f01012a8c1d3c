package writebehind_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/oidostudio/oido/internal/writebehind"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// table takes rows after it has failed so many times.
type table struct {
	fail    int
	rows    []int
	batches int
	lost    int
}

func (t *table) write(_ context.Context, rows []int) error {
	if t.fail > 0 {
		t.fail--
		return errors.New("locked")
	}
	t.rows = append(t.rows, rows...)
	t.batches++
	return nil
}

func (t *table) queue(rows int, bytes int64) *writebehind.Queue[int] {
	return writebehind.New(writebehind.Options[int]{Write: t.write, Lost: func(n int, _ error) { t.lost += n }, Rows: rows, Bytes: bytes})
}

func upTo(n int) []int {
	return slices.Collect(func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	})
}

func TestRowsComeInOrderAndInBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tab := &table{fail: 4}
		q := tab.queue(0, 1<<20)
		for _, i := range upTo(1000) {
			if !q.Put(i, 1) {
				t.Fatalf("row %d is not taken", i)
			}
		}
		q.Close()
		if d := cmp.Diff(upTo(1000), tab.rows); d != "" || tab.batches >= 100 || tab.lost != 0 || q.Waiting() != 0 {
			t.Errorf("%s\n%d batches, %d lost, %d bytes wait", d, tab.batches, tab.lost, q.Waiting())
		}
	})
}

func TestABatchIsGivenUpInTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tab := &table{fail: 5}
		q := tab.queue(0, 1<<20)
		q.Put(1, 1)
		time.Sleep(time.Minute)
		q.Put(2, 1)
		q.Close()
		if d := cmp.Diff([]int{2}, tab.rows); d != "" || tab.lost != 1 {
			t.Errorf("%s, %d lost", d, tab.lost)
		}
	})
}

func TestWhatWaitsIsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rows, size int
		bytes      int64
		least      int // that must be taken
		most       int
	}{
		"in bytes": {1000, 100, 1000, 10, 10},
		"in rows":  {10, 1, 1 << 20, 10, 11}, // one is being written
	} {
		synctest.Test(t, func(t *testing.T) {
			stuck := func(ctx context.Context, _ []int) error {
				<-ctx.Done()
				return ctx.Err()
			}
			lost := 0
			q := writebehind.New(writebehind.Options[int]{Write: stuck, Lost: func(n int, _ error) { lost += n }, Rows: c.rows, Bytes: c.bytes})
			taken := 0
			for i := range 100 {
				if q.Put(i, c.size) {
					taken++
				}
				synctest.Wait()
			}
			if taken < c.least || taken > c.most || q.Waiting() != int64(taken*c.size) {
				t.Errorf("%s: %d rows taken, %d bytes wait", name, taken, q.Waiting())
			}
			start := time.Now()
			q.Close()
			if d := time.Since(start); d > 15*time.Second || lost != taken || q.Waiting() != 0 {
				t.Errorf("%s: closed after %s, %d lost", name, d, lost)
			}
			q.Close()
		})
	}
}
