package httpapi

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oidostudio/oido/internal/llm"
)

// Budget bounds the memory of all request bodies in flight.
type Budget struct {
	limit int64
	used  atomic.Int64
}

// NewBudget makes a budget of so many bytes.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// Used is what is taken now, in bytes.
func (b *Budget) Used() int64 { return b.used.Load() }

func (b *Budget) take(n int64) bool {
	if b.used.Add(n) > b.limit {
		b.used.Add(-n)
		return false
	}
	return true
}

func (b *Budget) give(n int64) { b.used.Add(-n) }

// The pool keeps buffers up to maxPooled; larger ones are let go, so that one
// large prompt doesn't stay in memory for good.
const (
	maxPooled = 1 << 20
	minBuffer = 2 << 10
)

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, minBuffer); return &b }}

// pieceTimeout is how long a client may take for one piece of its body, so that
// slow senders can't hold memory for ever; bodyTimeout bounds the whole.
const (
	pieceTimeout = 30 * time.Second
	bodyTimeout  = 5 * time.Minute
	// restTimeout is how long the rest of a body that nobody wants is waited for,
	// which lets a client that is still sending read the refusal.
	restTimeout = 5 * time.Second
)

// readBody reads the whole body within the limits. release gives its memory
// back; it may be called more than once.
func (s *Inference) readBody(r *request) (body []byte, release func(), e *llm.Error) {
	limit := s.BodyLimit()
	if r.ContentLength > limit {
		return nil, nil, tooLarge(limit)
	}
	buf, ok := buffers.Get().(*[]byte)
	if !ok {
		return nil, nil, llm.Errorf(llm.KindUpstream, "no buffer")
	}
	taken := int64(0)
	release = sync.OnceFunc(func() {
		s.Budget.give(taken)
		if cap(*buf) <= maxPooled {
			*buf = (*buf)[:0]
			buffers.Put(buf)
		}
	})
	grow := func(n int64) *llm.Error {
		if !s.Budget.take(n) {
			return &llm.Error{Kind: llm.KindUnavailable, RetryAfter: time.Second, Message: "too many large requests are being served at once: try again shortly"}
		}
		taken += n
		return nil
	}
	if n := r.ContentLength; n >= 0 {
		// One byte of room beyond tells the end without growing.
		if e := grow(n + 1); e != nil {
			release()
			return nil, nil, e
		}
		if int64(cap(*buf)) <= n {
			*buf = make([]byte, 0, n+1)
		}
	}
	e = s.fill(r, buf, limit, grow)
	if e != nil {
		release()
		return nil, nil, e
	}
	return *buf, release, nil
}

func (s *Inference) fill(r *request, buf *[]byte, limit int64, grow func(int64) *llm.Error) *llm.Error {
	deadlines := r.ContentLength != 0
	end := time.Now().Add(bodyTimeout)
	known := r.ContentLength >= 0
	b := *buf
	defer func() { *buf = b }()
	for {
		if len(b) == cap(b) {
			n := int64(max(2*minBuffer, cap(b)))
			if !known {
				if e := grow(n); e != nil {
					return e
				}
			}
			next := make([]byte, len(b), int64(cap(b))+n)
			copy(next, b)
			b = next
		}
		if deadlines {
			s.readDeadline(r, earlier(time.Now().Add(pieceTimeout), end))
		}
		n, err := r.Body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if int64(len(b)) > limit {
			return tooLarge(limit)
		}
		switch {
		case errors.Is(err, io.EOF):
			r.bodyRead = true
			if deadlines {
				s.readDeadline(r, time.Time{})
			}
			return nil
		case err != nil:
			return &llm.Error{Kind: llm.KindBadRequest, Message: fmt.Sprintf("the request's body broke off after %d bytes: send it whole", len(b)), Err: err}
		}
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (s *Inference) readDeadline(r *request, t time.Time) {
	if err := r.ctl.SetReadDeadline(t); err != nil && !errors.Is(err, http.ErrNotSupported) {
		s.Log.Debug("no read deadline", "request", r.id, "error", err)
	}
}

func tooLarge(limit int64) *llm.Error {
	return &llm.Error{Kind: llm.KindTooLarge, Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("the request is larger than %d bytes: raise body_limit or send less", limit)}
}
