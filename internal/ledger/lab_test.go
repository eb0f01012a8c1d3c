package ledger_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/store/sqlite"
)

func TestMain(m *testing.M) {
	// The database driver keeps one goroutine per pool until it is closed, which
	// every test does.
	goleak.VerifyTestMain(m)
}

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// fragile is a database that can be away, and can die after a commit that nobody
// was told of.
type fragile struct {
	*sqlite.Store
	away    atomic.Bool
	unheard atomic.Int32 // how many commits are reported as failures
	writes  atomic.Int32
}

var errAway = errors.New("the database is away")

func (f *fragile) WriteTurns(ctx context.Context, turns []ledger.Turn, upTo ledger.Position) error {
	f.writes.Add(1)
	if f.away.Load() {
		return errAway
	}
	err := f.Store.WriteTurns(ctx, turns, upTo)
	if err == nil && f.unheard.Load() > 0 {
		f.unheard.Add(-1)
		return errAway
	}
	return err
}

type fataler interface {
	Helper()
	Fatal(...any)
}

// database opens a database of its own for a test.
func database(t fataler, dir string) *fragile {
	t.Helper()
	s, err := sqlite.Open(context.Background(), dir, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return &fragile{Store: s}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func begin(t fataler, o ledger.Options) *ledger.Ledger {
	t.Helper()
	o.Log, o.BatchWait = quiet(), time.Microsecond
	l, err := ledger.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// die ends a ledger as the death of its process does: without waiting for the
// database. The error is that it did not wait.
func die(t fataler, l *ledger.Ledger) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Close(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func drained(t fataler, l *ledger.Ledger) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := l.Drain(ctx); err != nil {
		t.Fatal(err)
	}
}

func ended(t fataler, l *ledger.Ledger) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := l.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

const promptEstimate = 7

func newTurn(id string, at time.Time) ledger.Turn {
	return ledger.Turn{
		ID: id, Org: "acme", User: "ada", Key: "k1", Agent: "support", Session: "s-" + id, SessionSource: "hash",
		RequestedModel: "m", Format: "chat", Stream: true, Started: at, InputEstimate: promptEstimate, Decision: []byte("pinned"),
	}
}

func sent(number int, at time.Time) ledger.Attempt {
	return ledger.Attempt{Number: number, Provider: "p", Model: "m", KeyHint: "aa", Format: "chat", Started: at}
}

// answered is how an attempt ends; n varies it.
func answered(a ledger.Attempt, status ledger.Status, n int64) ledger.Attempt {
	a.Status, a.Duration, a.FirstToken = status, time.Duration(n+1)*time.Millisecond, time.Duration(n)*time.Microsecond
	a.ServedModel, a.Finish = "m-2026", "stop"
	if n%2 == 0 {
		a.Downgrades = "top_k, citations"
	}
	a.Usage = llm.Usage{Input: 100 + n, CacheRead: n, CacheWrite: 2 * n, CacheWrite1h: 3 * n, Output: 10 * n, ReasoningOfOutput: n, Quality: llm.QualityExact}
	if n%3 != 0 {
		cost := llm.NanoUSD(1_000 * n)
		a.Cost = &cost
	}
	if status == ledger.StatusError {
		a.ErrorKind, a.ErrorStatus, a.ErrorText, a.Finish = "overloaded", 529, "busy", ""
	}
	return a
}

// read returns all turns by their ids.
func read(t fataler, r ledger.Reader) map[string]ledger.Turn {
	t.Helper()
	list, err := r.Turns(context.Background(), "acme", ledger.TurnFilter{Limit: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]ledger.Turn{}
	for _, turn := range list {
		out[turn.ID] = turn
	}
	if len(out) != len(list) {
		t.Fatal("a turn is there twice")
	}
	return out
}

// sound says that roll-ups equal rows and count every turn once.
func sound(t fataler, r ledger.Reader) {
	t.Helper()
	diff, err := ledger.Verify(context.Background(), r, "acme")
	if err != nil || len(diff) > 0 {
		t.Fatal("roll-ups differ from rows: ", diff, err)
	}
	_, _, sum, err := r.UsageByKey(context.Background(), "acme", ledger.DimTotal, "", "0000-00-00", "9999-99-99", 0)
	if n := int64(len(read(t, r))); err != nil || sum.Turns != n {
		t.Fatal("turns in roll-ups and rows: ", sum.Turns, n, err)
	}
}

// spoolEnd is the newest segment and its size, as the file system shows them.
func spoolEnd(t fataler, dir string) (path string, size int64) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "spool", "*.spool"))
	if err != nil || len(names) == 0 {
		t.Fatal("no spool: ", err)
	}
	slices.Sort(names)
	path = names[len(names)-1]
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, st.Size()
}

// segments counts the spool's files and their bytes.
func segments(t testing.TB, dir string) (n int, size int64) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "spool"), func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			n++
			size += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, size
}
