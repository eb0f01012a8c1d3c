package ledger_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/ledger"
)

func TestFollowersAreBounded(t *testing.T) {
	var b ledger.Broadcast
	all := func(*ledger.Turn) bool { return true }
	var ends []func()
	for {
		_, end, err := b.Follow(1, all)
		if errors.Is(err, ledger.ErrTooManyFollowers) {
			break
		}
		if err != nil || len(ends) > 10_000 {
			t.Fatal(err, len(ends))
		}
		ends = append(ends, end)
	}
	ends[0]()
	if _, _, err := b.Follow(1, all); err != nil {
		t.Errorf("when another has ended: %v", err)
	}
}

// memory is a store that keeps nothing.
type memory struct{}

func (memory) Position(context.Context) (ledger.Position, error)                      { return ledger.Position{}, nil }
func (memory) WriteTurns(context.Context, []ledger.Turn, ledger.Position) error       { return nil }
func (memory) DeleteTurns(context.Context, time.Time, int) (deleted int64, err error) { return 0, nil }

// TestAFollowerThatIsTooSlowIsDropped: it gets what had room, and then the end;
// others go on.
func TestAFollowerThatIsTooSlowIsDropped(t *testing.T) {
	l, err := ledger.Open(t.Context(), ledger.Options{Dir: t.TempDir(), Store: memory{}, Log: slog.New(slog.DiscardHandler), BatchWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	follow := func(buffer int, agent string) <-chan ledger.Turn {
		ch, end, err := l.Follow(buffer, func(t *ledger.Turn) bool { return agent == "" || t.Agent == agent })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(end)
		return ch
	}
	slow, quick, some := follow(2, ""), follow(10, ""), follow(2, "a")
	for i := range 5 {
		turn := &ledger.Turn{ID: string(rune('0' + i)), Org: "o", Started: time.Now(), Status: ledger.StatusOK}
		if i > 2 {
			turn.Agent = "a"
		}
		attempt := &ledger.Attempt{Number: 1, Started: turn.Started}
		if err := l.OpenAttempt(turn, attempt); err != nil {
			t.Fatal(err)
		}
		l.CloseTurn(turn, attempt)
	}
	if err := l.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ch   <-chan ledger.Turn
		want string
		ends bool
	}{"slow": {slow, "01", true}, "quick": {quick, "01234", false}, "some": {some, "34", false}} {
		got := ""
		for range len(c.want) {
			got += (<-c.ch).ID
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if c.ends {
			if turn, ok := <-c.ch; ok {
				t.Errorf("%s: goes on with %s", name, turn.ID)
			}
		}
	}
}
