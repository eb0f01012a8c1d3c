package dispatch

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

// watch ends an attempt whose provider is too slow: before the first byte, or
// between two pieces. A blocked read can't look at a clock, so a timer does.
type watch struct {
	cancel context.CancelCauseFunc
	limits provider.Timeout
	last   atomic.Int64 // when a byte last came, in nanoseconds since start
	start  time.Time
	came   atomic.Bool
	ended  atomic.Bool

	mu      sync.Mutex // protects following fields
	timer   *time.Timer
	stopped bool
}

// lingering is how long a provider may keep its connection open after the end of
// an answer. Reading up to its end lets the connection be used again; waiting
// for long would keep the client waiting.
const lingering = time.Second

func newWatch(cancel context.CancelCauseFunc, limits provider.Timeout) *watch {
	w := &watch{cancel: cancel, limits: limits, start: time.Now()}
	if d := limits.FirstByte; d > 0 {
		w.again(d)
	} else if limits.Idle > 0 {
		w.again(limits.Idle)
	}
	return w
}

// again has the timer fire after d.
func (w *watch) again(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.stopped:
	case w.timer == nil:
		w.timer = time.AfterFunc(d, w.fire)
	default:
		w.timer.Reset(d)
	}
}

// fire runs on the timer. It moves its own deadline instead of being reset at
// every byte, which keeps the cost of a chunk low.
func (w *watch) fire() {
	if w.ended.Load() {
		w.cancel(llm.Errorf(llm.KindTimeout, "the connection stayed open for %s after the answer's end", lingering))
		return
	}
	if !w.came.Load() {
		if w.limits.FirstByte > 0 {
			w.cancel(llm.Errorf(llm.KindTimeout, "no answer within %s", w.limits.FirstByte))
		} else {
			w.again(w.limits.Idle)
		}
		return
	}
	if w.limits.Idle <= 0 {
		return
	}
	idle := time.Since(w.start) - time.Duration(w.last.Load())
	if idle >= w.limits.Idle {
		w.cancel(llm.Errorf(llm.KindTimeout, "the answer stood still for %s", w.limits.Idle))
		return
	}
	w.again(w.limits.Idle - idle)
}

func (w *watch) headersCame() {
	w.read()
	if w.came.CompareAndSwap(false, true) && w.limits.Idle > 0 {
		w.again(w.limits.Idle)
	}
}

// linger says that the answer's end has come.
func (w *watch) linger() {
	w.ended.Store(true)
	w.again(lingering)
}

func (w *watch) read() { w.last.Store(int64(time.Since(w.start))) }

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	if w.timer != nil {
		w.timer.Stop()
	}
}

// watched is a provider's body. Before it waits for more, what was written to
// the client so far is flushed: so every piece leaves at once, and pieces that
// came together leave together.
type watched struct {
	r      io.Reader
	w      *watch
	ctx    context.Context
	before func() error
	// most is how many bytes may come; 0 is any number, which is right where
	// nothing of them stays.
	most, came int64
}

func (b *watched) Read(p []byte) (int, error) {
	if err := b.before(); err != nil {
		return 0, llm.Errorf(llm.KindCanceled, "the client left: %w", err)
	}
	n, err := b.r.Read(p)
	if n > 0 {
		b.w.read()
	}
	if b.came += int64(n); b.most > 0 && b.came > b.most {
		return 0, tooBig(b.most)
	}
	if err != nil && err != io.EOF { //nolint:errorlint // readers return io.EOF bare
		if cause := context.Cause(b.ctx); cause != nil {
			err = causeOf(cause)
		} else {
			err = provider.Discreet(err)
		}
	}
	return n, err
}
