package ledger

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oidostudio/oido/internal/llm"
)

// Store is where the writer puts what the spool holds.
type Store interface {
	// Position is how far the spool has been taken over; zero at first.
	Position(ctx context.Context) (Position, error)
	// WriteTurns writes turns that ended, their roll-ups and the position, in
	// one transaction. A turn that is there already changes nothing.
	WriteTurns(ctx context.Context, turns []Turn, upTo Position) error
	// DeleteTurns removes up to limit turns that started before a time, without
	// touching roll-ups, and says how many.
	DeleteTurns(ctx context.Context, before time.Time, limit int) (int64, error)
}

// Options configure a Ledger; a zero bound is its default.
type Options struct {
	Dir       string // the data directory
	Store     Store
	Log       *slog.Logger
	SpoolCap  int64         // bytes; default 1 GiB
	Serve     bool          // while the spool is full: answer without a record rather than refuse
	Sync      time.Duration // how often the spool is synced to disk; 0: never
	SyncEach  bool          // sync after every record
	Keep      time.Duration // how long rows live; 0: for ever
	BatchWait time.Duration // how long a batch may gather; default 100 ms
}

// Ledger keeps account of turns. It is safe for concurrent use.
type Ledger struct {
	o      Options
	spool  *spool
	wake   chan struct{}
	stop   context.CancelFunc
	done   sync.WaitGroup
	writer *writer
	tail   Broadcast

	unrecorded atomic.Int64
}

// Open reads what an earlier process left in the spool and starts the writer.
func Open(ctx context.Context, o Options) (*Ledger, error) {
	if o.SpoolCap <= 0 {
		o.SpoolCap = 1 << 30
	}
	if o.BatchWait <= 0 {
		o.BatchWait = 100 * time.Millisecond
	}
	l := &Ledger{o: o, wake: make(chan struct{}, 1)}
	from, err := o.Store.Position(ctx)
	if err != nil {
		return nil, fmt.Errorf("read how far the ledger has come: %w", err)
	}
	s, old, err := openSpool(filepath.Join(o.Dir, "spool"), o, from, l.signal)
	if err != nil {
		return nil, err
	}
	l.spool = s
	if len(old) > 0 && from.Segment < old[0] {
		from = Position{old[0], 0}
	}
	if from.Segment == 0 {
		from = Position{Segment: s.end().Segment}
	}
	// What an earlier process left open ends where this one's spool begins.
	l.writer = &writer{l: l, tail: tail{s: s, at: from, known: words{}}, open: map[string]*openTurn{}, restart: Position{Segment: s.end().Segment}}
	run, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	l.done.Go(func() { l.writer.run(run) })
	if o.Sync > 0 {
		l.done.Go(func() { l.syncing(run) })
	}
	if o.Keep > 0 {
		l.done.Go(func() { l.forgetting(run) })
	}
	l.signal()
	return l, nil
}

func (l *Ledger) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// OpenAttempt records that an attempt is about to be sent. Only the attempt's
// number, provider, model, key hint, format and start count. The error is an
// *llm.Error: what can't be recorded must not be sent.
func (l *Ledger) OpenAttempt(t *Turn, a *Attempt) error {
	if l.spool.full() {
		if l.o.Serve {
			if l.unrecorded.Add(1)%1000 == 1 {
				l.o.Log.Error("turns are not recorded: the spool is full", "unrecorded", l.unrecorded.Load())
			}
			return nil
		}
		return &llm.Error{Kind: llm.KindUnavailable, RetryAfter: 5 * time.Second, Message: ErrSpoolFull.Error() + ": see the database's errors in the log", Err: ErrSpoolFull}
	}
	err := l.spool.append(openRecord, func(e *encoder) {
		e.head(t)
		e.attempt(a)
	})
	if err != nil {
		return l.failed(err)
	}
	return nil
}

func (l *Ledger) failed(err error) error {
	l.o.Log.Error("turn not recorded", "error", err)
	if l.o.Serve {
		l.unrecorded.Add(1)
		return nil
	}
	return &llm.Error{Kind: llm.KindUnavailable, RetryAfter: 5 * time.Second, Message: "the ledger can't be written, so nothing is sent", Err: err}
}

// CloseAttempt records the end of an attempt that another one follows.
func (l *Ledger) CloseAttempt(turn string, a *Attempt) {
	err := l.spool.append(closeRecord, func(e *encoder) {
		e.str(turn)
		e.attempt(a)
	})
	if err != nil {
		l.o.Log.Error("attempt's end not recorded", "turn", turn, "error", err)
	}
}

// CloseTurn records the end of a turn and of its last attempt. It returns when
// the record is written, not when it is in the database.
func (l *Ledger) CloseTurn(t *Turn, last *Attempt) {
	err := l.spool.append(endRecord, func(e *encoder) {
		e.end(t)
		e.attempt(last)
	})
	if err != nil {
		l.unrecorded.Add(1)
		l.o.Log.Error("turn's end not recorded", "turn", t.ID, "error", err)
	}
}

// Unrecorded is how many turns were answered without a record.
func (l *Ledger) Unrecorded() int64 { return l.unrecorded.Load() }

// SpoolBytes is the spool's size.
func (l *Ledger) SpoolBytes() int64 { return l.spool.total.Load() }

// Follow returns turns as they are written; see Broadcast.
func (l *Ledger) Follow(buffer int, pass func(*Turn) bool) (<-chan Turn, func(), error) {
	return l.tail.Follow(buffer, pass)
}

// Drain waits until everything recorded so far is in the database, or ctx ends.
func (l *Ledger) Drain(ctx context.Context) error {
	target := l.spool.end()
	for {
		l.signal()
		at, changed := l.writer.progress()
		if !at.before(target) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the database has not taken the spool over: %w", ctx.Err())
		case <-changed:
		}
	}
}

// Close drains as far as ctx allows, and ends the writer. What stays in the
// spool is taken over at the next start.
func (l *Ledger) Close(ctx context.Context) error {
	err := l.Drain(ctx)
	l.stop()
	l.done.Wait()
	if cerr := l.spool.close(); err == nil {
		err = cerr
	}
	return err
}

func (l *Ledger) syncing(ctx context.Context) {
	tick := time.NewTicker(l.o.Sync)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := l.spool.flush(); err != nil {
				l.o.Log.Error("spool not synced", "error", err)
			}
		}
	}
}

// forgotten is how many turns are removed at once.
const forgotten = 2000

// forgetting removes old rows, a few at a time so that nobody waits for it.
func (l *Ledger) forgetting(ctx context.Context) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for more := true; more && ctx.Err() == nil; {
				n, err := l.o.Store.DeleteTurns(ctx, time.Now().Add(-l.o.Keep), forgotten)
				if err != nil && ctx.Err() == nil {
					l.o.Log.Warn("old turns not removed", "error", err)
				}
				more = err == nil && n == forgotten
			}
		}
	}
}
