package ledger_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oidostudio/oido/internal/ledger"
)

// aged is a database with old rows in it.
type aged struct{ old atomic.Int64 }

func (*aged) Position(context.Context) (ledger.Position, error) { return ledger.Position{}, nil }

func (*aged) WriteTurns(context.Context, []ledger.Turn, ledger.Position) error { return nil }

func (a *aged) DeleteTurns(_ context.Context, _ time.Time, limit int) (int64, error) {
	n := min(int64(limit), a.old.Load())
	a.old.Add(-n)
	return n, nil
}

// A busy gateway makes more turns in a minute than are removed at once.
func TestOldTurnsGoFasterThanNewOnesCome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &aged{}
		db.old.Store(100_000)
		l, err := ledger.Open(t.Context(), ledger.Options{Dir: t.TempDir(), Store: db, Log: quiet(), Keep: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(90 * time.Second)
		if n := db.old.Load(); n > 0 {
			t.Errorf("%d old turns are left", n)
		}
		ended(t, l)
	})
}
