package dispatch

import (
	"bytes"
	"context"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

// watch ends an attempt whose provider is too slow: before the answer begins, or
// between two pieces. A blocked read can't look at a clock, so a timer does.
type watch struct {
	cancel context.CancelCauseFunc
	limits provider.Timeout
	last   atomic.Int64 // when a byte last came, in nanoseconds since start
	start  time.Time
	came   atomic.Bool // the headers
	begun  atomic.Bool // the answer: signs of life are none
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
	if limits.FirstByte > 0 {
		w.again(limits.FirstByte)
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
	first, idle := w.left()
	switch {
	case first <= 0:
		w.cancel(llm.Errorf(llm.KindTimeout, "no answer within %s", w.limits.FirstByte))
	case idle <= 0:
		w.cancel(llm.Errorf(llm.KindTimeout, "the answer stood still for %s", w.limits.Idle))
	case min(first, idle) < unlimited:
		w.again(min(first, idle))
	}
}

// unlimited is what is left of a time that has no limit.
const unlimited = time.Duration(math.MaxInt64)

// left is how long the answer may still take to begin, and may still stand still.
func (w *watch) left() (first, idle time.Duration) {
	first, idle = unlimited, unlimited
	now := time.Since(w.start)
	if w.limits.FirstByte > 0 && !w.begun.Load() {
		first = w.limits.FirstByte - now
	}
	if w.limits.Idle > 0 && w.came.Load() {
		idle = time.Duration(w.last.Load()) + w.limits.Idle - now
	}
	return first, idle
}

func (w *watch) headersCame() {
	w.read()
	if w.came.CompareAndSwap(false, true) && w.limits.Idle > 0 {
		first, idle := w.left()
		w.again(max(min(first, idle), 0))
	}
}

// begins says that the answer has begun.
func (w *watch) begins() { w.begun.Store(true) }

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
	// whole says that the body is no stream: its first letter begins the answer.
	whole bool
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
		if b.whole && len(bytes.TrimSpace(p[:n])) > 0 {
			b.whole = false
			b.w.begins()
		}
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
