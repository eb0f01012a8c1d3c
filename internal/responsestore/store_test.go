package responsestore_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/responsestore"
	"github.com/oidostudio/oido/internal/seal"
	"github.com/oidostudio/oido/internal/writebehind"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(tb testing.TB, table writebehind.Table) *responsestore.Store {
	tb.Helper()
	s, err := seal.New([]byte("a secret of some length"), "responses")
	if err != nil {
		tb.Fatal(err)
	}
	return responsestore.New(writebehind.Options{Sealer: s, Table: table, Log: slog.New(slog.DiscardHandler), Bytes: 256 << 20})
}

func answer(id, previous string) *responsestore.Answer {
	return &responsestore.Answer{
		Previous: previous, Session: "s", Made: llm.Origin{Provider: "p", Model: "m", Account: "k"}, Theirs: true,
		Asked: []byte(`[{"a":1,"a":2}]`), Whole: []byte(`{"id":"` + id + `"}`),
	}
}

func TestAnAnswerIsItsUsers(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	defer s.Close()
	ctx, want := t.Context(), answer("a", "")
	s.Keep("org", "ada", "a", want, time.Hour)
	s.Keep("org", "bob", "a", answer("a", "of bob's"), time.Hour)
	for _, c := range []struct {
		org, user, id string
		want          *responsestore.Answer
	}{
		{"org", "ada", "a", want},
		{"org", "bob", "a", answer("a", "of bob's")},
		{"org", "eve", "a", nil},
		{"other", "ada", "a", nil},
		{"org", "ada", "b", nil},
	} {
		got, err := s.Get(ctx, c.org, c.user, c.id)
		if d := cmp.Diff(c.want, got); d != "" || err != nil {
			t.Errorf("%s of %s: %v %s", c.user, c.org, err, d)
		}
	}
	for i, want := range []bool{true, false} {
		if a, err := s.Delete(ctx, "org", "ada", "a"); (a != nil) != want || err != nil {
			t.Errorf("deletion %d: %v %v", i, a, err)
		}
	}
	if got, err := s.Get(ctx, "org", "bob", "a"); got == nil || err != nil {
		t.Errorf("bob's went with ada's: %v %v", got, err)
	}
}

func TestAnAnswerExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, nil)
		defer s.Close()
		s.Keep("org", "ada", "a", answer("a", ""), time.Hour)
		s.Keep("org", "ada", "b", answer("b", "a"), 2*time.Hour)
		time.Sleep(90 * time.Minute)
		if got, err := s.Get(t.Context(), "org", "ada", "a"); got != nil || err != nil {
			t.Errorf("%v %v", got, err)
		}
		if _, err := s.Chain(t.Context(), "org", "ada", "b"); !errors.Is(err, responsestore.ErrMissing) {
			t.Errorf("went on from what has expired: %v", err)
		}
	})
}

// Whatever a provider names its answers, a chain ends, is in order, and goes on
// from nothing that wasn't named.
func TestChainsEnd(t *testing.T) {
	t.Parallel()
	ids := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"})
	rapid.Check(t, func(r *rapid.T) {
		s := open(t, nil)
		defer s.Close()
		before := map[string]string{}
		for range rapid.IntRange(1, 12).Draw(r, "answers") {
			id, previous := ids.Draw(r, "id"), rapid.OneOf(ids, rapid.Just("")).Draw(r, "previous")
			before[id] = previous
			s.Keep("org", "ada", id, answer(id, previous), time.Hour)
		}
		for id := range before {
			var want []string
			broken := false
			for at := id; at != "" && !broken; at = before[at] {
				_, known := before[at]
				broken = !known || len(want) > len(before)
				want = append([]string{fmt.Sprintf(`{"id":%q}`, at)}, want...)
			}
			chain, err := s.Chain(context.Background(), "org", "ada", id)
			if broken != errors.Is(err, responsestore.ErrMissing) || !broken && err != nil {
				r.Fatalf("%s of %v: %v", id, before, err)
			}
			if broken {
				continue
			}
			var got []string
			for _, a := range chain {
				got = append(got, string(a.Whole))
			}
			if d := cmp.Diff(want, got); d != "" {
				r.Fatal(d)
			}
		}
	})
}

func TestChainsAreBounded(t *testing.T) {
	t.Parallel()
	s := open(t, nil)
	defer s.Close()
	previous := ""
	for i := range responsestore.MaxChain + 1 {
		id := fmt.Sprint("r", i)
		s.Keep("org", "ada", id, answer(id, previous), time.Hour)
		previous = id
	}
	large := answer("large", "")
	large.Asked = []byte(`["` + strings.Repeat("x", responsestore.MaxBytes/2) + `"]`)
	s.Keep("org", "ada", "large", large, time.Hour)
	again := *large
	again.Previous = "large"
	s.Keep("org", "ada", "again", &again, time.Hour)
	theirs := answer("theirs", "")
	theirs.Elsewhere = "conversation"
	s.Keep("org", "ada", "theirs", theirs, time.Hour)
	s.Keep("org", "ada", "after", answer("after", "theirs"), time.Hour)
	for id, want := range map[string]error{
		fmt.Sprint("r", responsestore.MaxChain-1): nil, fmt.Sprint("r", responsestore.MaxChain): responsestore.ErrTooLong,
		"large": nil, "again": responsestore.ErrTooLong,
		"theirs": responsestore.ErrElsewhere, "after": responsestore.ErrElsewhere,
		"none": responsestore.ErrMissing,
	} {
		if _, err := s.Chain(t.Context(), "org", "ada", id); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
}

// gone is a table behind a database that is down.
type gone struct{}

var errGone = errors.New("the database is gone")

func (gone) Write(context.Context, []writebehind.Row) error { return errGone }

func (gone) Read(context.Context, string, string, time.Time) (*writebehind.Row, error) {
	return nil, errGone
}

func (gone) Forget(context.Context, time.Time) (bool, error) { return false, errGone }

func TestAMissIsNoAnswerWhereTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := open(t, gone{})
		defer s.Close()
		ctx := t.Context()
		s.Keep("org", "ada", "a", answer("a", "older"), time.Hour)
		if got, err := s.Get(ctx, "org", "ada", "a"); got == nil || err != nil {
			t.Errorf("what was just answered: %v %v", got, err)
		}
		if got, err := s.Get(ctx, "org", "ada", "older"); got != nil || !errors.Is(err, errGone) {
			t.Errorf("what was answered long ago: %v %v", got, err)
		}
		if _, err := s.Chain(ctx, "org", "ada", "a"); !errors.Is(err, errGone) {
			t.Errorf("the conversation: %v", err)
		}
		for _, id := range []string{"a", "older"} {
			if _, err := s.Delete(ctx, "org", "ada", id); err == nil {
				t.Errorf("%s was deleted", id)
			}
		}
	})
}

// slow is a table that takes its time for each row.
type slow struct{ rows map[string]writebehind.Row }

func (s slow) Write(_ context.Context, rows []writebehind.Row) error {
	for _, r := range rows {
		s.rows[r.Key] = r
	}
	return nil
}

func (s slow) Read(ctx context.Context, _, key string, _ time.Time) (*writebehind.Row, error) {
	select {
	case <-time.After(1500 * time.Millisecond):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if r, ok := s.rows[key]; ok {
		return &r, nil
	}
	return nil, nil //nolint:nilnil // absent is a good answer
}

func (slow) Forget(context.Context, time.Time) (bool, error) { return false, nil }

// However long a conversation is, a slow database holds its reader up once.
func TestALongConversationIsNotWaitedForAnswerByAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := slow{map[string]writebehind.Row{}}
		s := open(t, table)
		previous := ""
		for i := range 100 {
			id := fmt.Sprint("r", i)
			s.Keep("org", "ada", id, answer(id, previous), time.Hour)
			previous = id
		}
		s.Close()
		s = open(t, table)
		defer s.Close()
		start := time.Now()
		if _, err := s.Chain(t.Context(), "org", "ada", previous); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("it was waited for %s", took)
		}
		if chain, err := s.Chain(t.Context(), "org", "ada", "r1"); len(chain) != 2 || err != nil {
			t.Errorf("a short one: %d, %v", len(chain), err)
		}
	})
}
