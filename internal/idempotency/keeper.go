// Package idempotency gives a request that is sent again the answer that it had the
// first time, where the client named it by a key of its own choice.
//
// While the first one is under way the second is refused, and so is another
// request under the same key. Only finished answers are kept, for a day: whatever
// ended otherwise may run again. What is under way is known in memory alone, so
// that it ends with the process; a data directory belongs to one process at a time.
//
// Answers are kept in a bounded memory in front of a sealed table, which is written
// behind and itself bounded: the oldest answers go first. Only a key that isn't in
// memory is looked up. Where the table doesn't answer, the key counts as new and
// the request runs: an answer that may be paid twice is better than none.
package idempotency

import (
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/oidostudio/oido/internal/seal"
	"github.com/oidostudio/oido/internal/writebehind"
)

// The refusals of a key.
var (
	ErrRunning = errors.New("the request with this key is still being answered")
	ErrOther   = errors.New("this key was used for another request")
)

// Store keeps sealed answers; see Row.
type Store interface {
	// PutAnswers keeps rows, in place of those with the same id, and forgets what
	// had expired when they were made, then the oldest of all beyond so many bytes.
	PutAnswers(ctx context.Context, rows []Row, most int64) error
	// GetAnswer returns nil when there is none, or when it has expired.
	GetAnswer(ctx context.Context, org string, id []byte, now time.Time) ([]byte, error)
}

// Row is one answer, sealed.
type Row struct {
	Org              string
	ID, Data         []byte
	Created, Expires time.Time
}

// Request is what a client sent under a key.
type Request struct {
	Org, Caller string // the caller is the API key's id: each has names of its own
	Key         string
	Path        string
	Body        []byte
}

// Answer is what a request was answered.
type Answer struct {
	Header map[string]string `json:"header"`
	Body   []byte            `json:"body"`
}

// Options configure a Keeper; the zero value of a bound is its default.
type Options struct {
	Sealer *seal.Sealer
	Store  Store // nil: memory alone
	Log    *slog.Logger
	Now    func() time.Time
	Keep   time.Duration // how long answers live; default 24 hours
	Bytes  int           // in memory, and of what waits to be stored; default 32 MiB
	Stored int64         // bytes in the table; default 1 GiB
	Answer int           // bytes of the largest answer that is kept; default 8 MiB
}

// Keeper keeps answers. It is safe for concurrent use.
type Keeper struct {
	o     Options
	queue *writebehind.Queue[Row] // nil without a store

	mu      sync.Mutex // protects following fields
	running map[digest]*Claim
	order   *list.List // of *kept, most recently used first
	entries map[digest]*list.Element
	size    int
}

// digest is of what names a request, its caller and key, or of what it asks.
type digest [sha256.Size]byte

// kept is an answer as it is kept.
type kept struct {
	Request digest    `json:"request"`
	Until   time.Time `json:"until"`
	Answer  Answer    `json:"answer"`
	id      digest
}

// overhead is about what an answer takes beside its body.
const overhead = 1 << 10

func (k *kept) size() int { return overhead + len(k.Answer.Body) }

// New makes a keeper and starts its writer; Close ends it.
func New(o Options) *Keeper {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Keep <= 0 {
		o.Keep = 24 * time.Hour
	}
	if o.Bytes <= 0 {
		o.Bytes = 32 << 20
	}
	if o.Stored <= 0 {
		o.Stored = 1 << 30
	}
	if o.Answer <= 0 {
		o.Answer = 8 << 20
	}
	k := &Keeper{o: o, running: map[digest]*Claim{}, order: list.New(), entries: map[digest]*list.Element{}}
	if o.Store != nil {
		k.queue = writebehind.New(writebehind.Options[Row]{
			Write: func(ctx context.Context, rows []Row) error { return o.Store.PutAnswers(ctx, rows, o.Stored) },
			Lost: func(rows int, err error) {
				o.Log.Error("answers not stored: after a restart their idempotency keys count as new", "answers", rows, "error", err)
			},
			Bytes: int64(o.Bytes),
		})
	}
	return k
}

// Close stores what waits, as far as the store takes it in a short time, and ends
// the writer.
func (k *Keeper) Close() {
	if k.queue != nil {
		k.queue.Close()
	}
}

// Claim is the right to answer a request, which its owner must end by Finish or
// Release. Its methods may be called on nil, which claims nothing.
type Claim struct {
	k   *Keeper
	org string
	id  digest // of the caller and the key
	req digest // of what is asked
}

// Begin claims a request; or returns its answer, when it has one. The error is
// ErrRunning or ErrOther. It may wait a short time for the table.
func (k *Keeper) Begin(ctx context.Context, r Request) (*Claim, *Answer, error) {
	c := &Claim{
		k: k, org: r.Org,
		id:  digestOf([]byte(r.Org), []byte(r.Caller), []byte(r.Key)),
		req: digestOf([]byte(r.Path), r.Body),
	}
	known, err := k.claim(c)
	if err != nil {
		return nil, nil, err
	}
	if known == nil {
		if known = k.look(ctx, c); known == nil {
			return c, nil, nil
		}
		k.mu.Lock()
		k.put(known)
		k.mu.Unlock()
		c.Release()
	}
	if known.Request != c.req {
		return nil, nil, ErrOther
	}
	return nil, &known.Answer, nil
}

// claim marks a request as being answered, unless something is known of it.
func (k *Keeper) claim(c *Claim) (*kept, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if other, ok := k.running[c.id]; ok {
		if other.req != c.req {
			return nil, ErrOther
		}
		return nil, ErrRunning
	}
	if e, ok := k.entries[c.id]; ok {
		known, _ := e.Value.(*kept)
		if k.o.Now().Before(known.Until) {
			k.order.MoveToFront(e)
			return known, nil
		}
		k.remove(e)
	}
	k.running[c.id] = c
	return nil, nil //nolint:nilnil // absent is a good answer
}

// Finish keeps the answer and ends the claim. The body may be the caller's.
func (c *Claim) Finish(a Answer) {
	if c == nil {
		return
	}
	defer c.Release()
	if len(a.Body) > c.k.o.Answer {
		c.k.o.Log.Warn("an answer is too large to be kept: sent again, its request runs again", "bytes", len(a.Body), "most", c.k.o.Answer)
		return
	}
	now := c.k.o.Now().UTC()
	a.Body = append(make([]byte, 0, len(a.Body)), a.Body...) // exactly, whatever room it came in
	known := &kept{Request: c.req, Until: now.Add(c.k.o.Keep), Answer: a, id: c.id}
	c.k.mu.Lock()
	c.k.put(known)
	c.k.mu.Unlock()
	c.k.store(c.org, known, now)
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

// store has an answer stored behind the request's back.
func (k *Keeper) store(org string, a *kept, now time.Time) {
	if k.queue == nil {
		return
	}
	doc, err := json.Marshal(a)
	if err != nil {
		k.o.Log.Error("an answer can't be stored", "error", err)
		return
	}
	row := Row{Org: org, ID: a.id[:], Data: k.o.Sealer.Seal(string(a.id[:]), doc), Created: now, Expires: a.Until}
	if !k.queue.Put(row, len(row.Data)) {
		k.o.Log.Warn("an answer is kept in memory only: the database is behind", "waiting_bytes", k.queue.Waiting())
	}
}

// patience is how long a request waits for the database.
const patience = 2 * time.Second

// look finds an answer in the table; nil when there is none, or none to be read.
func (k *Keeper) look(ctx context.Context, c *Claim) *kept {
	if k.o.Store == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	data, err := k.o.Store.GetAnswer(ctx, c.org, c.id[:], k.o.Now().UTC())
	if err != nil {
		k.o.Log.Warn("answers of before can't be looked up: the idempotency key counts as new", "error", err)
		return nil
	}
	if data == nil {
		return nil
	}
	known := &kept{id: c.id}
	doc, err := k.o.Sealer.Open(string(c.id[:]), data)
	if err == nil {
		err = json.Unmarshal(doc, known)
	}
	if err != nil {
		// Another secret_key sealed it.
		k.o.Log.Warn("a kept answer can't be read: its idempotency key counts as new", "error", err)
		return nil
	}
	return known
}

// put adds an answer to the memory, where the least used make room.
func (k *Keeper) put(a *kept) {
	if e, ok := k.entries[a.id]; ok {
		k.remove(e)
	}
	k.entries[a.id] = k.order.PushFront(a)
	k.size += a.size()
	for k.size > k.o.Bytes {
		k.remove(k.order.Back())
	}
}

func (k *Keeper) remove(e *list.Element) {
	a, _ := e.Value.(*kept)
	k.order.Remove(e)
	delete(k.entries, a.id)
	k.size -= a.size()
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
