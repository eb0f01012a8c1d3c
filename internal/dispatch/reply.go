package dispatch

import (
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
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
	timer     *time.Timer
	last      time.Time // when something was last sent
	attempt   *Attempt
	held      []byte
	head      []byte // the first bytes as they came, when the opening is wanted
	committed bool   // the head has been sent
	live      bool   // a meaningful event has been sent
	dirty     bool   // written, not flushed
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
func (r *reply) begin(a *Attempt, enc wire.StreamEncoder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempt, r.enc, r.held, r.head = a, enc, r.held[:0], nil
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
	r.dirty = true
	n, err := r.out.Write(p)
	if err != nil {
		r.err = err
	}
	return n, err
}

// maxHead is how much of a forwarded stream is looked at for its opening.
const maxHead = 8 << 10

// raw adds bytes as they are.
func (r *reply) raw(p []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.call.WantOpening && len(r.head) < maxHead {
		r.head = append(r.head, p[:min(len(p), maxHead-len(r.head))]...)
	}
	_, err := replyWriter{r}.Write(p)
	return err
}

// event adds an event by the encoder.
func (r *reply) event(e llm.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
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
	if encoded {
		if err := r.enc.Close(); err != nil {
			return err
		}
	}
	return r.flushLocked()
}

// fail writes the format's error event.
func (r *reply) fail(e *llm.Error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil || e == nil {
		return
	}
	if !r.live {
		// Only pings were sent: what was held back is of no use any more.
		r.live, r.held, r.enc = true, nil, nil
	}
	if r.enc == nil {
		r.enc = r.call.Client.NewStream(replyWriter{r}, wire.Caller{Request: &llm.Request{}, ID: r.call.AnswerID, Now: time.Now()})
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
	if pinger == nil || !r.live {
		// An encoder that has begun in secret must not be seen before its start.
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

// begun says whether the client has seen a meaningful event.
func (r *reply) begun() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live
}
