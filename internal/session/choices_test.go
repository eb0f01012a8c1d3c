package session_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/seal"
	"github.com/oidostudio/oido/internal/session"
	"github.com/oidostudio/oido/internal/writebehind"
)

// shelf is a table in memory that can be made to fail, or to hang.
type shelf struct {
	mu           sync.Mutex // protects following fields
	rows         map[[2]string]writebehind.Row
	reads, puts  int
	fails, hangs bool
}

func (s *shelf) Write(_ context.Context, rows []writebehind.Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails {
		return errors.New("the disk is full")
	}
	for _, r := range rows {
		if r.Data == nil {
			delete(s.rows, [2]string{r.Org, r.Key})
			continue
		}
		s.puts++
		s.rows[[2]string{r.Org, r.Key}] = r
	}
	return nil
}

func (s *shelf) Read(ctx context.Context, org, key string, now time.Time) (*writebehind.Row, error) {
	s.mu.Lock()
	s.reads++
	fails, hangs := s.fails, s.hangs
	r, ok := s.rows[[2]string{org, key}]
	s.mu.Unlock()
	switch {
	case hangs:
		<-ctx.Done()
		return nil, ctx.Err()
	case fails:
		return nil, errors.New("no such file")
	case !ok || !now.Before(r.Expires):
		return nil, nil //nolint:nilnil // as the interface says
	}
	return &r, nil
}

func (s *shelf) Forget(context.Context, time.Time) (bool, error) { return false, nil }

func (s *shelf) set(fails, hangs bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails, s.hangs = fails, hangs
}

func newShelf() *shelf { return &shelf{rows: map[[2]string]writebehind.Row{}} }

// choices opens what is kept on a shelf, as a start of the server does.
func choices(t *testing.T, s *shelf, log *bytes.Buffer) *session.Choices {
	t.Helper()
	sealer, err := seal.New([]byte(strings.Repeat("k", 32)), "choices")
	if err != nil {
		t.Fatal(err)
	}
	c := session.NewChoices(writebehind.Options{Sealer: sealer, Table: s, Log: slog.New(slog.NewTextHandler(log, nil))})
	return c
}

// A choice lasts over a restart, is its user's alone, and is taken back for good.
func TestAChoiceLasts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, log := newShelf(), &bytes.Buffer{}
		c := choices(t, s, log)
		at := time.Now().UTC()
		c.Choose(t.Context(), "acme", "ada", "s1", "up", "big", "root")
		want := &session.Choice{Account: "up", Model: "big", At: at, By: "root", Kept: at}
		for _, restart := range []bool{false, true} {
			if restart {
				c.Close()
				c = choices(t, s, log)
			}
			got, err := c.Of(t.Context(), "acme", "ada", "s1")
			if d := cmp.Diff(want, got); d != "" || err != nil || got.Name() != "up/big" {
				t.Errorf("restart %v: %v %s", restart, err, d)
			}
			for _, other := range [][3]string{{"acme", "bob", "s1"}, {"acme", "ada", "s2"}, {"globex", "ada", "s1"}, {"acme", "ad", "a s1"}} {
				if got, err := c.Of(t.Context(), other[0], other[1], other[2]); got != nil || err != nil {
					t.Errorf("%v: %+v %v", other, got, err)
				}
			}
		}
		if err := c.Clear(t.Context(), "acme", "ada", "s1"); err != nil {
			t.Fatal(err)
		}
		c.Close()
		c = choices(t, s, log)
		if got, err := c.Of(t.Context(), "acme", "ada", "s1"); got != nil || err != nil {
			t.Errorf("%+v %v", got, err)
		}
		c.Close()
	})
}

// What is used is kept for longer, though not written each time.
func TestAChoiceThatIsUsedIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShelf()
		c := choices(t, s, &bytes.Buffer{})
		defer c.Close()
		chosen := time.Now().UTC()
		for range 600 { // days
			for range 3 {
				c.Choose(t.Context(), "acme", "ada", "s1", "up", "big", "ada")
				time.Sleep(8 * time.Hour)
			}
		}
		if s.puts != 600 {
			t.Errorf("written %d times", s.puts)
		}
		got, err := c.Of(t.Context(), "acme", "ada", "s1")
		if err != nil || got == nil || !got.At.Equal(chosen) {
			t.Errorf("%+v %v", got, err)
		}
		time.Sleep(367 * 24 * time.Hour)
		if got, err := c.Of(t.Context(), "acme", "ada", "s1"); got != nil || err != nil {
			t.Errorf("never used for a year: %+v %v", got, err)
		}
	})
}

// A request goes on without a choice that can't be read at once, and the log says
// so now and then.
func TestAChoiceThatCantBeReadIsDoneWithout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, log := newShelf(), &bytes.Buffer{}
		c := choices(t, s, log)
		c.Choose(t.Context(), "acme", "ada", "s1", "up", "big", "ada")
		c.Close()
		c = choices(t, s, log)
		for _, hangs := range []bool{false, true} {
			s.set(true, hangs)
			before := time.Now()
			for range 10 {
				if got := c.Soon(t.Context(), "acme", "ada", "s1"); got != nil {
					t.Errorf("%+v", got)
				}
			}
			if waited := time.Since(before); waited > 10*100*time.Millisecond || hangs == (waited == 0) {
				t.Errorf("ten requests waited for %s", waited)
			}
			if _, err := c.Of(t.Context(), "acme", "ada", "s1"); err == nil {
				t.Error("what can't be read is no absence")
			}
			time.Sleep(time.Hour)
		}
		if n := strings.Count(log.String(), "can't be read"); n != 2 {
			t.Errorf("%d lines in the log: %s", n, log)
		}
		s.set(false, false)
		if got := c.Soon(t.Context(), "acme", "ada", "s1"); got == nil {
			t.Error("it is there again")
		}
		reads := s.reads
		for range 10 {
			c.Soon(t.Context(), "acme", "ada", "s1")
			c.Soon(t.Context(), "acme", "ada", "none")
		}
		if s.reads != reads+1 {
			t.Errorf("%d looks at the table for one session", s.reads-reads)
		}
		c.Close()
	})
}
