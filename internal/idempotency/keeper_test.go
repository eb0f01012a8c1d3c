package idempotency_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/oidostudio/oido/internal/idempotency"
	"github.com/oidostudio/oido/internal/seal"
	"github.com/oidostudio/oido/internal/writebehind"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// table is a store in memory.
type table struct {
	mu   sync.Mutex
	rows map[string]writebehind.Row
}

func newTable() *table { return &table{rows: map[string]writebehind.Row{}} }

func (s *table) Write(_ context.Context, rows []writebehind.Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rows {
		s.rows[r.Org+r.Key] = r
	}
	return nil
}

func (s *table) Read(_ context.Context, org, key string, now time.Time) (*writebehind.Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.rows[org+key]
	if !ok || !now.Before(r.Expires) {
		return nil, nil //nolint:nilnil // absent is a good answer
	}
	return &r, nil
}

func (s *table) Forget(context.Context, time.Time) (bool, error) { return false, nil }

func keeper(t *testing.T, o idempotency.Options) *idempotency.Keeper {
	t.Helper()
	return keeperOf(t, o, "a secret of some length")
}

func keeperOf(t *testing.T, o idempotency.Options, secret string) *idempotency.Keeper {
	t.Helper()
	s, err := seal.New([]byte(secret), "repeats")
	if err != nil {
		t.Fatal(err)
	}
	o.Cache.Sealer, o.Cache.Log = s, slog.New(slog.DiscardHandler)
	return idempotency.New(o)
}

func on(t writebehind.Table) idempotency.Options {
	return idempotency.Options{Cache: writebehind.Options{Table: t}}
}

func request(key string) idempotency.Request {
	return idempotency.Request{Org: "acme", Caller: "k1", User: "ada", Key: key, Path: "/v1/messages", Body: []byte(`{"a":1}`)}
}

var answer = idempotency.Answer{Header: map[string]string{"X-Oido-Turn": "t1"}, Body: []byte("an answer\x00\xff")}

// state is what becomes of a request: new, again (with the answer) or an error.
func state(t *testing.T, k *idempotency.Keeper, r idempotency.Request) string {
	t.Helper()
	c, a, err := k.Begin(t.Context(), r)
	switch {
	case errors.Is(err, idempotency.ErrRunning):
		return "running"
	case errors.Is(err, idempotency.ErrOther):
		return "other"
	case err != nil:
		t.Fatal(err)
	case a != nil:
		if d := cmp.Diff(answer, *a); d != "" || c != nil {
			t.Errorf("another answer: %s", d)
		}
		return "again"
	}
	c.Release()
	return "new"
}

// finish has a request answered.
func finish(t *testing.T, k *idempotency.Keeper, r idempotency.Request, a idempotency.Answer) {
	t.Helper()
	c, known, err := k.Begin(t.Context(), r)
	if err != nil || known != nil {
		t.Fatal("not new", known, err)
	}
	c.Finish(a)
	c.Release()
}

func TestAFinishedAnswerIsGivenAgainForADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := keeper(t, on(newTable()))
		defer k.Close()
		r := request("a")
		c, _, err := k.Begin(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if got := state(t, k, r); got != "running" {
			t.Errorf("under way: %s", got)
		}
		other := r
		other.Body = []byte(`{"a":2}`)
		if got := state(t, k, other); got != "other" {
			t.Errorf("another body under way: %s", got)
		}
		c.Release()
		if got := state(t, k, other); got != "new" {
			t.Errorf("after a failure: %s", got)
		}
		finish(t, k, r, answer)
		for range 2 {
			if got := state(t, k, r); got != "again" {
				t.Errorf("finished: %s", got)
			}
		}
		elsewhere, hers, bobs, theirs := r, r, r, r
		elsewhere.Path, hers.Caller, bobs.User, theirs.Org = "/v1/responses", "k2", "bob", "other"
		for want, list := range map[string][]idempotency.Request{"other": {other, elsewhere}, "new": {hers, bobs, theirs, request("b")}} {
			for _, r := range list {
				if got := state(t, k, r); got != want {
					t.Errorf("%+v: %s, want %s", r, got, want)
				}
			}
		}
		time.Sleep(24*time.Hour - time.Second)
		if got := state(t, k, r); got != "again" {
			t.Errorf("within a day: %s", got)
		}
		time.Sleep(time.Second)
		if got := state(t, k, r); got != "new" {
			t.Errorf("after a day: %s", got)
		}
		finish(t, k, other, answer)
		if got := state(t, k, other); got != "again" {
			t.Errorf("used anew: %s", got)
		}
	})
}

func TestAnswersSurviveARestartSealed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tab := newTable()
		k := keeper(t, on(tab))
		r := request("a secret name")
		finish(t, k, r, answer)
		k.Close()
		for id, row := range tab.rows {
			for _, plain := range []string{"an answer", "YW4gYW5zd2Vy", "X-Oido-Turn", "a secret name"} {
				if strings.Contains(id, plain) || bytes.Contains(row.Data, []byte(plain)) {
					t.Errorf("%q stands in the table", plain)
				}
			}
		}
		other := r
		other.Body = nil
		for want, r := range map[string]idempotency.Request{"again": r, "other": other} {
			k := keeper(t, on(tab))
			for range 2 { // from the table, then from memory
				if got := state(t, k, r); got != want {
					t.Errorf("after a restart: %s, want %s", got, want)
				}
			}
			k.Close()
		}
		foreign := keeperOf(t, on(tab), "another secret altogether")
		if got := state(t, foreign, r); got != "new" {
			t.Errorf("with another secret: %s", got)
		}
		foreign.Close()
		time.Sleep(24 * time.Hour)
		k = keeper(t, on(tab))
		if got := state(t, k, r); got != "new" {
			t.Errorf("after a day: %s", got)
		}
		k.Close()
	})
}

// stuck is a table behind a lock that is never let go.
type stuck struct{}

func (stuck) Write(ctx context.Context, _ []writebehind.Row) error {
	<-ctx.Done()
	return ctx.Err()
}

func (stuck) Read(ctx context.Context, _, _ string, _ time.Time) (*writebehind.Row, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (stuck) Forget(ctx context.Context, _ time.Time) (bool, error) {
	<-ctx.Done()
	return false, ctx.Err()
}

func TestATableThatDoesNotAnswerHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := keeper(t, on(stuck{}))
		start := time.Now()
		for i := range 10 {
			finish(t, k, request(fmt.Sprint(i)), answer)
		}
		if d := time.Since(start) / 10; d > 5*time.Second {
			t.Errorf("a request waited for %s", d)
		}
		if got := state(t, k, request("3")); got != "again" {
			t.Errorf("in memory: %s", got)
		}
		k.Close()
	})
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	t.Parallel()
	k := keeper(t, idempotency.Options{Answer: 4000, Cache: writebehind.Options{Bytes: 20_000}})
	defer k.Close()
	large := answer
	large.Body = bytes.Repeat([]byte("x"), 4001)
	finish(t, k, request("large"), large)
	if got := state(t, k, request("large")); got != "new" {
		t.Errorf("too large: %s", got)
	}
	// What is released twice is not another's by then.
	c, _, err := k.Begin(t.Context(), request("large"))
	if err != nil {
		t.Fatal(err)
	}
	c.Finish(large)
	second, _, err := k.Begin(t.Context(), request("large"))
	if err != nil {
		t.Fatal(err)
	}
	c.Release()
	if got := state(t, k, request("large")); got != "running" {
		t.Errorf("while the second is answered: %s", got)
	}
	second.Release()
	for i := range 1000 {
		finish(t, k, request(fmt.Sprint(i)), answer)
	}
	again := 0
	for i := range 1000 {
		if state(t, k, request(fmt.Sprint(i))) == "again" {
			again++
		}
	}
	if again == 0 || again > 60 {
		t.Errorf("%d answers are kept", again)
	}
	if got := state(t, k, request("999")); got != "again" {
		t.Errorf("the last one: %s", got)
	}
}

func TestOneOfManyRuns(t *testing.T) {
	t.Parallel()
	k := keeper(t, on(newTable()))
	defer k.Close()
	var runs, given atomic.Int64
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for {
				c, a, err := k.Begin(t.Context(), request("a"))
				switch {
				case c != nil:
					runs.Add(1)
					c.Finish(answer)
				case a != nil:
					given.Add(1)
				case errors.Is(err, idempotency.ErrRunning):
					continue
				default:
					t.Error(err)
				}
				return
			}
		})
	}
	all.Wait()
	if runs.Load() != 1 || given.Load() != 49 {
		t.Errorf("%d runs, %d given again", runs.Load(), given.Load())
	}
}
