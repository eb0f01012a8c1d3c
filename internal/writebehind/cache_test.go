package writebehind_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/seal"
	"github.com/oidostudio/oido/internal/writebehind"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// table is a table in memory, which can be locked and broken.
type table struct {
	mu     sync.Mutex // protects following fields
	rows   map[string]writebehind.Row
	broken error
	locked chan struct{} // closed when it is let go of; nil: it isn't locked
}

func newTable() *table { return &table{rows: map[string]writebehind.Row{}} }

func (t *table) wait(ctx context.Context) error {
	t.mu.Lock()
	locked, broken := t.locked, t.broken
	t.mu.Unlock()
	if locked == nil {
		return broken
	}
	select {
	case <-locked:
		return broken
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *table) set(broken error, locked chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broken, t.locked = broken, locked
}

func (t *table) Write(ctx context.Context, rows []writebehind.Row) error {
	if err := t.wait(ctx); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range rows {
		if r.Data == nil {
			delete(t.rows, r.Org+" "+r.Key)
		} else {
			t.rows[r.Org+" "+r.Key] = r
		}
	}
	return nil
}

func (t *table) Read(ctx context.Context, org, key string, now time.Time) (*writebehind.Row, error) {
	if err := t.wait(ctx); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	r, ok := t.rows[org+" "+key]
	if !ok || !now.Before(r.Expires) {
		return nil, nil
	}
	return &r, nil
}

func (t *table) Forget(_ context.Context, now time.Time) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for id, r := range t.rows {
		if !now.Before(r.Expires) && n < 10 {
			delete(t.rows, id)
			n++
		}
	}
	return n == 10, t.broken
}

func (t *table) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.rows)
}

type value struct {
	Text string `json:"text"`
}

func open(tb testing.TB, table writebehind.Table, bytes, queue int) *writebehind.Cache[value] {
	tb.Helper()
	s, err := seal.New([]byte("a secret of some length"), "test")
	if err != nil {
		tb.Fatal(err)
	}
	return writebehind.New[value](writebehind.Options{What: "values", Sealer: s, Table: table, Log: slog.New(slog.DiscardHandler), Bytes: bytes, Queue: queue})
}

func keep(tb testing.TB, c *writebehind.Cache[value], key, text string) {
	tb.Helper()
	if err := c.Keep("o", "u", key, &value{text}, time.Hour); err != nil {
		tb.Fatal(err)
	}
}

// step is one thing done to a cache.
type step struct {
	Do     string
	Key    string
	Length int
}

// TestWhatIsKeptIsFound has a cache that is too small for what it keeps, over a
// table behind it, tell the same as a map does, over restarts too.
func TestWhatIsKeptIsFound(t *testing.T) {
	t.Parallel()
	steps := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) step {
		return step{
			rapid.SampledFrom([]string{"keep", "keep", "remove", "restart", "look"}).Draw(r, "do"),
			rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "g", "h"}).Draw(r, "key"),
			rapid.IntRange(1, 1000).Draw(r, "length"),
		}
	}), 1, 60)
	rapid.Check(t, func(r *rapid.T) {
		list, wrong := steps.Draw(r, "steps"), ""
		synctest.Test(t, func(t *testing.T) { wrong = carryOut(t, list) })
		if wrong != "" {
			r.Fatal(wrong)
		}
	})
}

// carryOut says what a cache tells otherwise than a map.
func carryOut(t *testing.T, list []step) (wrong string) {
	tab, want := newTable(), map[string]string{}
	const small = 4 << 10
	c := open(t, tab, small, 0)
	defer func() {
		c.Close()
		if n := tab.len(); n != len(want) && wrong == "" {
			wrong = fmt.Sprintf("%d rows of %d values", n, len(want))
		}
	}()
	for n, s := range list {
		switch s.Do {
		case "keep":
			want[s.Key] = strings.Repeat(fmt.Sprint(n%10), s.Length)
			keep(t, c, s.Key, want[s.Key])
			synctest.Wait() // not more waits than may
		case "remove":
			delete(want, s.Key)
			if err := c.Remove(t.Context(), "o", "u", s.Key); err != nil {
				return err.Error()
			}
		case "restart":
			c.Close()
			c = open(t, tab, small, 0)
		}
		v, err := c.Get(t.Context(), "o", s.Key)
		text, there := want[s.Key]
		if err != nil || (v != nil) != there || there && v.Text != text {
			return fmt.Sprintf("step %d: %v %v, want %q", n, v, err, text)
		}
		if v, err := c.Get(t.Context(), "other", s.Key); v != nil || err != nil {
			return fmt.Sprintf("another org has %v %v", v, err)
		}
	}
	return ""
}

// What waits for a table that can't be written is found, however small the memory,
// and is stored when it can; a miss is told from what isn't there.
func TestATableThatCannotJustNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tab := newTable()
		c := open(t, tab, 4<<10, 0)
		keep(t, c, "before", "before")
		synctest.Wait()
		locked := make(chan struct{})
		tab.set(nil, locked)
		for i := range 6 {
			keep(t, c, fmt.Sprint(i), strings.Repeat("x", 200))
		}
		for i := range 6 {
			if v, err := c.Get(t.Context(), "o", fmt.Sprint(i)); v == nil || err != nil {
				t.Errorf("%d: %v %v", i, v, err)
			}
		}
		start := time.Now()
		if v, err := c.Get(t.Context(), "o", "not in memory"); v != nil || err == nil {
			t.Errorf("a table that doesn't answer is taken for an empty one: %v %v", v, err)
		}
		if err := c.Remove(t.Context(), "o", "u", "before"); err == nil {
			t.Error("a removal that didn't happen is told as one")
		}
		if v, err := c.Get(t.Context(), "o", "before"); v == nil || err != nil {
			t.Errorf("what may stay is not found: %v %v", v, err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("requests waited for %s", took)
		}
		tab.set(errors.New("disk full"), nil)
		close(locked)
		time.Sleep(5 * time.Minute)
		tab.set(nil, nil)
		time.Sleep(time.Minute)
		if n := tab.len(); n != 6 {
			t.Errorf("%d rows, want 6 without the one that was taken away", n)
		}
		if v, err := c.Get(t.Context(), "o", "before"); v != nil || err != nil {
			t.Errorf("what was taken away in the end is found: %v %v", v, err)
		}
		c.Close()
	})
}

// late is a table whose rows are long on their way.
type late struct {
	*table
	arrive chan struct{}
}

func (l late) Read(ctx context.Context, org, key string, now time.Time) (*writebehind.Row, error) {
	r, err := l.table.Read(ctx, org, key, now)
	<-l.arrive
	return r, err
}

// What is removed while somebody looks for it doesn't come back with what was found.
func TestWhatIsRemovedStaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := late{newTable(), make(chan struct{})}
		c := open(t, l, 0, 0)
		keep(t, c, "k", "text")
		c.Close()
		c = open(t, l, 0, 0)
		defer c.Close()
		looked := make(chan error)
		go func() {
			_, err := c.Get(t.Context(), "o", "k")
			looked <- err
		}()
		synctest.Wait()
		if err := c.Remove(t.Context(), "o", "u", "k"); err != nil {
			t.Error(err)
		}
		close(l.arrive)
		if err := <-looked; err != nil {
			t.Error(err)
		}
		if v, err := c.Get(t.Context(), "o", "k"); v != nil || err != nil {
			t.Errorf("%v %v", v, err)
		}
	})
}

func TestWhatHasExpiredIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tab := newTable()
		c := open(t, tab, 0, 0)
		for i := range 35 {
			keep(t, c, fmt.Sprint(i), "x")
		}
		time.Sleep(59 * time.Minute)
		if v, err := c.Get(t.Context(), "o", "3"); v == nil || err != nil || tab.len() != 35 {
			t.Errorf("%v %v, %d rows", v, err, tab.len())
		}
		time.Sleep(3 * time.Minute)
		if v, err := c.Get(t.Context(), "o", "3"); v != nil || err != nil || tab.len() != 0 {
			t.Errorf("%v %v, %d rows", v, err, tab.len())
		}
		c.Close()
	})
}

func TestNothingIsUnbounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tab := newTable()
		tab.set(nil, make(chan struct{}))
		c := open(t, tab, 64<<10, 8)
		if err := c.Keep("o", "u", "large", &value{strings.Repeat("x", 40<<10)}, time.Hour); err == nil {
			t.Error("a value of more than half the memory is kept")
		}
		for i := range 1000 {
			keep(t, c, fmt.Sprint(i), strings.Repeat("x", 1<<10))
			if i == 0 {
				time.Sleep(time.Second) // it is being written, and all others wait behind it
			}
		}
		found := 0
		for i := range 1000 {
			if v, _ := c.Get(t.Context(), "o", fmt.Sprint(i)); v != nil {
				found++
			}
		}
		if found < 30 || found > 100 {
			t.Errorf("%d values of 1 KiB in a memory of 64", found)
		}
		if err := c.Remove(t.Context(), "o", "u", "999"); !errors.Is(err, writebehind.ErrBehind) {
			t.Errorf("removed: %v", err)
		}
		if v, err := c.Get(t.Context(), "o", "999"); v == nil || err != nil {
			t.Errorf("what stays is not found: %v %v", v, err)
		}
		c.Close()
	})
}

func TestRowsTellNothing(t *testing.T) {
	t.Parallel()
	tab := newTable()
	c := open(t, tab, 0, 0)
	keep(t, c, "k", "the text")
	c.Close()
	row := tab.rows["o k"]
	if len(row.Data) == 0 || strings.Contains(string(row.Data), "text") {
		t.Errorf("%q", row.Data)
	}
	// Moved to another place it doesn't open, and what doesn't open isn't there.
	tab.rows["o moved"] = row
	c = open(t, tab, 0, 0)
	defer c.Close()
	for key, want := range map[string]bool{"k": true, "moved": false} {
		if v, err := c.Get(t.Context(), "o", key); (v != nil) != want || err != nil {
			t.Errorf("%s: %v %v", key, v, err)
		}
	}
}
