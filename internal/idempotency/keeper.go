// Package idempotency gives a request that is sent again the answer that it had the
// first time, where the client named it by a key of its own choice.
//
// While the first one is under way the second is refused, and so is another
// request under the same key. Only finished answers are kept, for a day: whatever
// ended otherwise may run again. What is under way is known in memory alone, so
// that it ends with the process; a data directory belongs to one process at a time.
//
// Answers are kept as [writebehind] keeps values. Where its table can't be read, a
// key counts as new and the request runs: an answer that may be paid twice is
// better than none.
package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/writebehind"
)

// The refusals of a key.
var (
	ErrRunning = errors.New("the request with this key is still being answered")
	ErrOther   = errors.New("this key was used for another request")
)

// Request is what a client sent under a key.
type Request struct {
	Org, Caller, User string // the caller is the API key's id: each has names of its own for each of its users
	Key               string
	Path              string
	Body              []byte
}

// Answer is what a request was answered.
type Answer struct {
	Header map[string]string `json:"header"`
	Body   []byte            `json:"body"`
}

// Options configure a Keeper; the zero value of a bound is its default.
type Options struct {
	Cache  writebehind.Options
	Keep   time.Duration // how long answers live; default 24 hours
	Answer int           // bytes of the largest answer that is kept; default 8 MiB
}

// Keeper keeps answers. It is safe for concurrent use.
type Keeper struct {
	o     Options
	cache *writebehind.Cache[kept]

	mu      sync.Mutex // protects following fields
	running map[string]*Claim
}

// digest is of what a request asks.
type digest [sha256.Size]byte

// kept is an answer as it is kept.
type kept struct {
	Request digest `json:"request"`
	Answer  Answer `json:"answer"`
}

// New makes a keeper and starts its writer; Close ends it.
func New(o Options) *Keeper {
	if o.Keep <= 0 {
		o.Keep = 24 * time.Hour
	}
	if o.Answer <= 0 {
		o.Answer = 8 << 20
	}
	o.Cache.What = "answers under idempotency keys"
	if o.Cache.Bytes <= 0 {
		o.Cache.Bytes = 32 << 20
	}
	return &Keeper{o: o, cache: writebehind.New[kept](o.Cache), running: map[string]*Claim{}}
}

// Close stores what waits, as far as the table takes it in a short time, and ends
// the writer.
func (k *Keeper) Close() { k.cache.Close() }

// Claim is the right to answer a request, which its owner must end by Finish or
// Release. Its methods may be called on nil, which claims nothing.
type Claim struct {
	k         *Keeper
	org, user string
	id        string // of the caller, its user and the key
	req       digest
}

// Begin claims a request; or returns its answer, when it has one. The error is
// ErrRunning or ErrOther. It may wait a short time for the table.
func (k *Keeper) Begin(ctx context.Context, r Request) (*Claim, *Answer, error) {
	id := digestOf([]byte(r.Org), []byte(r.Caller), []byte(r.User), []byte(r.Key))
	c := &Claim{k: k, org: r.Org, user: r.User, id: hex.EncodeToString(id[:]), req: digestOf([]byte(r.Path), r.Body)}
	if err := k.claim(c); err != nil {
		return nil, nil, err
	}
	known, err := k.cache.Get(ctx, c.org, c.id)
	if err != nil {
		k.o.Cache.Log.Warn("answers of before can't be looked up: the idempotency key counts as new", "error", err)
	}
	if known == nil {
		return c, nil, nil
	}
	c.Release()
	if known.Request != c.req {
		return nil, nil, ErrOther
	}
	return nil, &known.Answer, nil
}

// claim marks a request as being answered, unless one with its key is already.
func (k *Keeper) claim(c *Claim) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	other, ok := k.running[c.id]
	switch {
	case !ok:
		k.running[c.id] = c
		return nil
	case other.req != c.req:
		return ErrOther
	}
	return ErrRunning
}

// Finish keeps the answer and ends the claim. The body may be the caller's.
func (c *Claim) Finish(a Answer) {
	if c == nil {
		return
	}
	defer c.Release()
	if len(a.Body) > c.k.o.Answer {
		c.k.o.Cache.Log.Warn("an answer is too large to be kept: sent again, its request runs again", "bytes", len(a.Body), "most", c.k.o.Answer)
		return
	}
	a.Body = append(make([]byte, 0, len(a.Body)), a.Body...) // exactly, whatever room it came in
	if err := c.k.cache.Keep(c.org, c.user, c.id, &kept{Request: c.req, Answer: a}, c.k.o.Keep); err != nil {
		c.k.o.Cache.Log.Warn("an answer is not kept: sent again, its request runs again", "error", err)
	}
}

// Release ends the claim: the request may run again. After Finish it does nothing.
func (c *Claim) Release() {
	if c == nil {
		return
	}
	c.k.mu.Lock()
	defer c.k.mu.Unlock()
	if c.k.running[c.id] == c {
		delete(c.k.running, c.id)
	}
}

// digestOf tells lists of texts apart, wherever one ends and the next begins.
func digestOf(texts ...[]byte) (d digest) {
	h := sha256.New()
	for _, t := range texts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(t))))
		h.Write(t)
	}
	h.Sum(d[:0])
	return d
}
