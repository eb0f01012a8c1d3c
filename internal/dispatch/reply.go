package dispatch

import (
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// maxHeld bounds what is held back before the first meaningful event: comments
// and empty events of a provider that is getting ready.
const maxHeld = 1 << 20

// reply is the one writer of a streamed answer. The call's goroutine writes
// events, a timer writes pings; the mutex keeps them apart.
type reply struct {
	call      *Call
	out       Output
	pingAfter time.Duration

	mu        sync.Mutex // protects following fields
	enc       wire.StreamEncoder
	framing   wire.Framing // of forwarded events; nil: they pass as they are
	framed    []byte       // the last event in it, for its room
	timer     *time.Timer
	last      time.Time // when something was last sent
	attempt   *Attempt
	held      []byte
	tail      []byte // the end of the answer, until it may leave; nil: not written yet
	opening   *opening
	committed bool // the head has been sent
	passed    int  // events that were forwarded
	told      bool // the provider's own error was among them
	live      bool // a meaningful event has been sent
	dirty     bool // written, not flushed
	stopped   bool
	err       error // the client can't be written to any more
}

func newReply(call *Call, out Output, pingAfter time.Duration) *reply {
	r := &reply{call: call, out: out, pingAfter: pingAfter}
	if call.Peeked.Stream {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.last = time.Now()
		r.timer = time.AfterFunc(pingAfter, r.ping)
	}
	return r
}

// begin says which attempt may answer now, and with which encoder; what an
// earlier one had held back is gone.
func (r *reply) begin(a *Attempt, enc wire.StreamEncoder, o *opening) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempt, r.enc, r.opening, r.framing, r.held, r.passed = a, enc, o, nil, r.held[:0], 0
}

// frame says how the events that are forwarded are framed.
func (r *reply) frame(f wire.Framing) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.framing = f
}

// replyWriter is where encoders write: to what is held back, until release. It
// is only used with the lock held.
type replyWriter struct{ r *reply }

func (w replyWriter) Write(p []byte) (int, error) {
	r := w.r
	if r.err != nil {
		return 0, r.err
	}
	if !r.live {
		if len(r.held)+len(p) > maxHeld {
			return 0, llm.Errorf(llm.KindUpstream, "the provider sent %d bytes without a first word", maxHeld)
		}
		r.held = append(r.held, p...)
		return len(p), nil
	}
	if r.tail != nil {
		r.tail = append(r.tail, p...)
		return len(p), nil
	}
	r.dirty = true
	n, err := r.out.Write(p)
	if err != nil {
		r.err = err
	}
	return n, err
}

// end has the encoder write the end of a good answer, and returns it; it leaves
// with close.
func (r *reply) end() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tail = []byte{}
	err := r.enc.Close()
	return r.tail, err
}

// raw adds an event as it is, but for its frame.
func (r *reply) raw(e sse.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !e.Comment {
		r.passed++
	}
	r.opening.raw(e.Raw)
	p := e.Raw
	if r.framing != nil {
		if e.Comment || len(e.Data) == 0 {
			return r.err
		}
		r.framed = r.framing.Frame(r.framed[:0], e.Data)
		p = r.framed
	}
	_, err := replyWriter{r}.Write(p)
	return err
}

// rawError adds the provider's own error, which needs no other beside it.
func (r *reply) rawError(e sse.Event) {
	if r.framing != nil {
		return // in its own frame, which must be ended too
	}
	if r.raw(e) == nil {
		r.mu.Lock()
		r.told = true
		r.mu.Unlock()
	}
}

// event adds an event by the encoder.
func (r *reply) event(e llm.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opening.event(e)
	return r.enc.Write(e)
}

// release commits the answer and sends what was held back.
func (r *reply) release() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.live {
		return nil
	}
	r.live = true
	if !r.committed {
		r.committed = true
		r.out.Commit(r.attempt, false)
	}
	r.call.release()
	if len(r.held) > 0 {
		held := r.held
		r.held = nil
		if _, err := (replyWriter{r}).Write(held); err != nil {
			return err
		}
	}
	return nil
}

// flush sends what was written.
func (r *reply) flush() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.flushLocked()
}

func (r *reply) flushLocked() error {
	if r.err != nil || !r.dirty {
		return r.err
	}
	r.dirty = false
	r.last = time.Now()
	if err := r.out.Flush(); err != nil {
		r.err = err
	}
	return r.err
}

// close ends a good answer.
func (r *reply) close(encoded bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.tail != nil:
		tail := r.tail
		r.tail = nil
		if _, err := (replyWriter{r}).Write(tail); err != nil {
			return err
		}
	case encoded:
		if err := r.enc.Close(); err != nil {
			return err
		}
	case r.framing != nil:
		if _, err := (replyWriter{r}).Write(r.framing.End(nil)); err != nil {
			return err
		}
	}
	return r.flushLocked()
}

// fail writes the format's error event. Where the client has seen nothing but
// pings, that is all it gets: what was held back is gone.
func (r *reply) fail(e *llm.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil || e == nil {
		return
	}
	if r.told {
		_ = r.flushLocked()
		return
	}
	caller := wire.Caller{Request: &llm.Request{}, ID: r.call.AnswerID, Now: time.Now()}
	if r.attempt != nil {
		caller.Model = r.attempt.Model
	}
	if r.framing != nil && r.live {
		_, body := r.call.Client.EncodeError(e)
		if _, err := (replyWriter{r}).Write(r.framing.End(r.framing.Frame(nil, body))); err == nil {
			_ = r.flushLocked() // the connection is aborted next, whatever comes of it
		}
		return
	}
	switch {
	case !r.live:
		// Committed while the provider was silent: what was held back is no part
		// of an answer any more, and the error must not wait behind it.
		if req, err := r.call.Request(); err == nil {
			caller.Request = req
		}
		r.enc, r.dirty = r.call.Client.NewStream(pingWriter{r}, caller), true
	case r.enc == nil:
		caller.Passed = r.passed
		r.enc = r.call.Client.NewStream(replyWriter{r}, caller)
	}
	if err := r.enc.Fail(e); err != nil {
		r.err = err
		return
	}
	_ = r.flushLocked() // the connection is aborted next, whatever comes of it
}

// ping runs on the timer: after a silence it commits the answer and keeps the
// connection alive.
func (r *reply) ping() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped || r.err != nil {
		return
	}
	if rest := r.pingAfter - time.Since(r.last); rest > 0 {
		r.timer.Reset(rest)
		return
	}
	if !r.committed {
		r.committed = true
		r.out.Commit(r.attempt, true)
	}
	pinger := r.enc
	if pinger == nil || !r.live || r.tail != nil {
		// An encoder that has begun in secret must not be seen before its start, nor
		// one that has ended so.
		pinger = r.call.Client.NewStream(pingWriter{r}, wire.Caller{Request: &llm.Request{}, Now: time.Now()})
	}
	if err := pinger.Ping(); err != nil {
		r.err = err
		return
	}
	r.dirty = true
	if r.flushLocked() == nil {
		r.timer.Reset(r.pingAfter)
	}
}

// pingWriter writes past what is held back.
type pingWriter struct{ r *reply }

func (w pingWriter) Write(p []byte) (int, error) { return w.r.out.Write(p) }

// stop ends the pings; it returns when none is running.
func (r *reply) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	if r.timer != nil {
		r.timer.Stop()
	}
}

func (r *reply) isCommitted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.committed
}

// holding is how much is held back.
func (r *reply) holding() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.held)
}

// begun says whether the client has seen a meaningful event.
func (r *reply) begun() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live
}
