package ledger

import (
	"context"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/llm"
)

// batch is how many turns one transaction takes.
const batch = 1000

// writer moves turns from the spool into the database: one goroutine.
type writer struct {
	l    *Ledger
	tail tail
	// open holds turns whose end hasn't been read yet.
	open map[string]*openTurn
	// restart is where this process's records begin: turns from before it that
	// are still open there were interrupted.
	restart   Position
	restarted bool
	damaged   int

	mu      sync.Mutex // protects following fields
	at      Position   // everything before is in the database
	changed chan struct{}
}

type openTurn struct {
	Turn
	at Position // of its first record
}

func (w *writer) run(ctx context.Context) {
	defer w.tail.close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.l.wake:
		}
		w.catchUp(ctx)
		// Let a batch gather.
		select {
		case <-ctx.Done():
			return
		case <-time.After(w.l.o.BatchWait):
		}
	}
}

// catchUp moves everything that is there, batch by batch.
func (w *writer) catchUp(ctx context.Context) {
	for ctx.Err() == nil {
		end := w.l.spool.end()
		turns := w.read(end)
		full := len(turns) == batch
		if !w.store(ctx, turns) {
			return
		}
		w.report(w.tail.at)
		if !full {
			return
		}
	}
}

// read gathers the turns that end before end, at most a batch.
func (w *writer) read(end Position) (turns []Turn) {
	for len(turns) < batch {
		if !w.restarted && !w.tail.at.before(w.restart) {
			w.restarted = true
			turns = append(turns, w.interrupted()...)
			continue
		}
		upTo := end
		if !w.restarted {
			upTo = w.restart
		}
		r, at, ok, err := w.tail.next(upTo)
		if err != nil {
			w.l.o.Log.Error("spool not read", "error", err)
			return turns
		}
		if w.tail.damaged > w.damaged {
			w.l.o.Log.Error("a part of the spool was damaged and passed over", "places", w.tail.damaged)
			w.damaged = w.tail.damaged
		}
		if !ok {
			if !w.restarted {
				continue
			}
			return turns
		}
		if t := w.take(r, at); t != nil {
			turns = append(turns, *t)
		}
	}
	return turns
}

// take applies a record; it returns the turn that it ends.
func (w *writer) take(r record, at Position) *Turn {
	id := r.turn.ID
	switch r.kind {
	case openRecord:
		t := w.open[id]
		if t == nil {
			t = &openTurn{r.turn, at}
			w.open[id] = t
		}
		t.Attempts = append(t.Attempts, r.attempt)
	case closeRecord:
		if t := w.open[id]; t != nil {
			t.replace(r.attempt)
		}
	case endRecord:
		t := w.open[id]
		if t == nil {
			return nil // its opening was lost to damage, or it was written before
		}
		delete(w.open, id)
		t.replace(r.attempt)
		t.Status, t.FirstToken, t.Duration = r.turn.Status, r.turn.FirstToken, r.turn.Duration
		return &t.Turn
	}
	return nil
}

func (t *openTurn) replace(a Attempt) {
	for i := range t.Attempts {
		if t.Attempts[i].Number == a.Number {
			t.Attempts[i] = a
			return
		}
	}
	t.Attempts = append(t.Attempts, a)
}

// interrupted ends the turns that the process before this one left open. What
// they used isn't known; their prompt was sent, so that much is estimated.
func (w *writer) interrupted() (turns []Turn) {
	for id, t := range w.open {
		delete(w.open, id)
		t.Status = StatusInterrupted
		for i := range t.Attempts {
			if a := &t.Attempts[i]; a.Status == "" {
				a.Status = StatusInterrupted
				a.Usage = llm.Usage{Input: t.InputEstimate, Quality: llm.QualityEstimated}
			}
		}
		turns = append(turns, t.Turn)
	}
	return turns
}

// store writes turns, trying again for as long as the database can't.
func (w *writer) store(ctx context.Context, turns []Turn) bool {
	upTo := w.low()
	if len(turns) == 0 && upTo == w.written() {
		return true
	}
	wait := 50 * time.Millisecond
	for {
		err := w.l.o.Store.WriteTurns(ctx, turns, upTo)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return false
		}
		w.l.o.Log.Warn("turns wait in the spool: the database can't take them", "turns", len(turns), "spool_bytes", w.l.SpoolBytes(), "error", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
		wait = min(2*wait, 5*time.Second)
	}
	for _, t := range turns {
		w.l.tail.send(t)
	}
	if err := w.l.spool.drop(upTo.Segment); err != nil {
		w.l.o.Log.Warn("spool not tidied", "error", err)
	}
	return true
}

// low is up to where the spool isn't needed any more: the first record of the
// oldest turn that is still open.
func (w *writer) low() Position {
	low := w.tail.at
	for _, t := range w.open {
		if t.at.before(low) {
			low = t.at
		}
	}
	return low
}

func (w *writer) written() Position {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *writer) report(at Position) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = at
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// progress returns how far the writer has come, and a channel that is closed
// when it has come further.
func (w *writer) progress() (Position, <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return w.at, w.changed
}
