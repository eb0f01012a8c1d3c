package dispatch

import (
	"context"
	"io"
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
	timer  *time.Timer
	last   atomic.Int64 // when a byte last came, in nanoseconds since start
	start  time.Time
	came   atomic.Bool
}

func newWatch(cancel context.CancelCauseFunc, limits provider.Timeout) *watch {
	w := &watch{cancel: cancel, limits: limits, start: time.Now()}
	if d := limits.FirstByte; d > 0 {
		w.timer = time.AfterFunc(d, w.fire)
	} else if limits.Idle > 0 {
		w.timer = time.AfterFunc(limits.Idle, w.fire)
	}
	return w
}

// fire runs on the timer. It moves its own deadline instead of being reset at
// every byte, which keeps the cost of a chunk low.
func (w *watch) fire() {
	if !w.came.Load() {
		if w.limits.FirstByte > 0 {
			w.cancel(llm.Errorf(llm.KindTimeout, "no answer within %s", w.limits.FirstByte))
		} else {
			w.timer.Reset(w.limits.Idle)
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
	w.timer.Reset(w.limits.Idle - idle)
}

func (w *watch) headersCame() {
	w.read()
	if w.came.CompareAndSwap(false, true) && w.timer != nil && w.limits.Idle > 0 {
		w.timer.Reset(w.limits.Idle)
	}
}

func (w *watch) read() { w.last.Store(int64(time.Since(w.start))) }

func (w *watch) stop() {
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
}

func (b *watched) Read(p []byte) (int, error) {
	if err := b.before(); err != nil {
		return 0, llm.Errorf(llm.KindCanceled, "the client left: %w", err)
	}
	n, err := b.r.Read(p)
	if n > 0 {
		b.w.read()
	}
	if err != nil && err != io.EOF { //nolint:errorlint // readers return io.EOF bare
		if cause := context.Cause(b.ctx); cause != nil {
			err = causeOf(cause)
		}
	}
	return n, err
}
