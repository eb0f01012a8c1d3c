// Package writebehind keeps values that must be read back in the same
// conversation: in a bounded memory, and sealed in a table behind it.
//
// Keeping never waits for the table: one goroutine writes what was kept, in
// batches and in order, and tries again while the table can't. What waits is
// found all the same, and is bounded; past the bound a value stays in memory
// alone. Looking for what is not in memory asks the table, and where that can't be
// read the lookup fails: a table that doesn't answer is not an empty one.
package writebehind

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/seal"
)

// Table keeps sealed rows.
type Table interface {
	// Write puts rows, in their order, each in the place of the one of its org and
	// key; a row without data takes that one away. It does all or nothing.
	Write(ctx context.Context, rows []Row) error
	// Read returns nil when there is no row, or when it has expired.
	Read(ctx context.Context, org, key string, now time.Time) (*Row, error)
	// Forget removes some of the rows that have expired; more says that others may
	// be left.
	Forget(ctx context.Context, now time.Time) (more bool, err error)
}

// Row is one value, sealed.
type Row struct {
	Org, User, Key   string
	Data             []byte
	Created, Expires time.Time
}

// Options configure a Cache; the zero value of a bound is its default.
type Options struct {
	// What names the values in the log ("reasoning").
	What   string
	Sealer *seal.Sealer
	Table  Table // nil: memory alone
	Log    *slog.Logger
	Now    func() time.Time
	Bytes  int // of the memory, and half of it of what waits for the table; default 64 MiB
	Queue  int // values waiting for the table; default 4096
}

// Cache keeps values of one sort, which must not be changed once they are kept.
// It is safe for concurrent use.
type Cache[V any] struct {
	o       Options
	queue   chan *change  // of pointers, since there is room for many
	waiting atomic.Int64  // bytes of the rows on their way to the table
	closing chan struct{} // closed when no more is to come
	done    chan struct{}
	drop    sync.Once
	storing context.Context // ends when the table has had its time
	giveUp  context.CancelFunc

	mu      sync.Mutex // protects following fields
	order   *list.List // of *entry that don't wait, most recently used first
	entries map[string]*entry[V]
	size    int // of those in order
}

type entry[V any] struct {
	id      string
	value   *V // nil: known not to be there
	expires time.Time
	size    int
	waits   int           // values of it on their way to the table
	at      *list.Element // nil while any waits: it can't be let go of
}

// change is a row on its way to the table.
type change struct {
	id  string
	row Row
	// written is told how a removal went; nil: it is none.
	written chan error
}

// New makes a cache and starts its writer; Close ends it.
func New[V any](o Options) *Cache[V] {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Bytes <= 0 {
		o.Bytes = 64 << 20
	}
	if o.Queue <= 0 {
		o.Queue = 4096
	}
	c := &Cache[V]{o: o, queue: make(chan *change, o.Queue), closing: make(chan struct{}), done: make(chan struct{}), order: list.New(), entries: map[string]*entry[V]{}}
	c.storing, c.giveUp = context.WithCancel(context.Background())
	go c.write()
	return c
}

// lastPatience is how long Close waits for the table.
const lastPatience = 10 * time.Second

// Close stores what waits, as far as the table takes it in a short time, and ends
// the writer. What is kept after it is kept in memory only.
func (c *Cache[V]) Close() {
	c.drop.Do(func() { close(c.closing) })
	late := time.AfterFunc(lastPatience, c.giveUp)
	<-c.done
	late.Stop()
	c.giveUp()
}

// exact keeps JSON inside of values as it came.
var exact = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.PreserveRawStrings(true))

// Keep keeps a value for so long, in the place of the one under the same key. The
// error says that it is too large for that.
func (c *Cache[V]) Keep(org, user, key string, v *V, keep time.Duration) error {
	doc, err := json.Marshal(v, exact)
	if err != nil {
		return fmt.Errorf("keep %s: %w", c.o.What, err)
	}
	if limit := c.o.Bytes / 2; len(doc) > limit {
		return fmt.Errorf("keep %s: it has %d bytes, at most %d are kept", c.o.What, len(doc), limit)
	}
	now := c.o.Now().UTC()
	ch := &change{id: idOf(org, key), row: Row{Org: org, User: user, Key: key, Created: now, Expires: now.Add(keep)}}
	if c.o.Table != nil {
		ch.row.Data = c.o.Sealer.Seal(ch.id, doc)
	}
	if !c.put(ch, v, len(doc)) {
		c.o.Log.Warn(c.o.What+" kept in memory only: the database is behind", "waiting_bytes", c.waiting.Load())
	}
	return nil
}

// Note keeps a value of about so many bytes in memory alone, where Peek finds it as
// long as there is room: for what spares work and isn't missed.
func (c *Cache[V]) Note(org, key string, v *V, size int, keep time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rest(c.set(idOf(org, key), v, size, c.o.Now().Add(keep)))
}

// Peek returns what the memory knows of a key, without a look at the table; nil when
// that is nothing.
func (c *Cache[V]) Peek(org, key string) *V {
	v, _ := c.look(idOf(org, key), c.o.Now())
	return v
}

// Get returns what is kept under a key; nil when there is nothing, or nothing any
// more. The error says that the table could not be read.
func (c *Cache[V]) Get(ctx context.Context, org, key string) (*V, error) {
	id, now := idOf(org, key), c.o.Now().UTC()
	if v, known := c.look(id, now); known || c.o.Table == nil {
		return v, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	row, err := c.o.Table.Read(ctx, org, key, now)
	if err != nil {
		return nil, fmt.Errorf("look for %s: %w", c.o.What, err)
	}
	if row == nil {
		return c.found(id, nil, 0, now, now.Add(absent)), nil
	}
	v, size, err := c.open(id, row.Data)
	if err != nil {
		// Another secret_key sealed it: it is lost, the request isn't.
		c.o.Log.Warn("kept "+c.o.What+" can't be read", "error", err)
	}
	return c.found(id, v, size, now, row.Expires), nil
}

// ErrBehind says that the table has too much to write already.
var ErrBehind = errors.New("the database is behind")

// Remove takes away what is kept under a key, and returns when that lasts. Until
// then it is found: an error says that it may stay.
func (c *Cache[V]) Remove(ctx context.Context, org, user, key string) error {
	now := c.o.Now().UTC()
	ch := &change{id: idOf(org, key), row: Row{Org: org, User: user, Key: key, Created: now, Expires: now.Add(absent)}, written: make(chan error, 1)}
	if c.o.Table == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.removed(ch)
		return nil
	}
	select {
	case c.queue <- ch:
	default:
		return fmt.Errorf("remove %s: %w", c.o.What, ErrBehind)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case err := <-ch.written:
		return err
	case <-ctx.Done():
		return fmt.Errorf("remove %s: %w", c.o.What, ctx.Err())
	}
}

const (
	// patience is how long a request waits for the database.
	patience = 2 * time.Second
	// absent is how long it is believed that there is nothing: nobody else writes
	// the table, so only the memory bounds it.
	absent = 24 * time.Hour
)

// idOf names an entry, and the place that it is sealed for.
func idOf(org, key string) string { return org + "\x00" + key }

func (c *Cache[V]) open(id string, data []byte) (*V, int, error) {
	doc, err := c.o.Sealer.Open(id, data)
	if err != nil {
		return nil, 0, err
	}
	v := new(V)
	if err := json.Unmarshal(doc, v, exact); err != nil {
		return nil, 0, err
	}
	return v, len(doc), nil
}

// look returns what the memory knows.
func (c *Cache[V]) look(id string, now time.Time) (v *V, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[id]
	if !ok {
		return nil, false
	}
	if e.at != nil {
		c.order.MoveToFront(e.at)
	}
	if now.Before(e.expires) {
		return e.value, true
	}
	return nil, e.value != nil // what was absent for long is looked for again
}

// found remembers what a look at the table at now showed, unless something has
// happened meanwhile.
func (c *Cache[V]) found(id string, v *V, size int, now, expires time.Time) *V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[id]; ok && (e.waits > 0 || now.Before(e.expires)) {
		return e.value
	}
	c.rest(c.set(id, v, size, expires))
	return v
}

// put gives an entry a value and has it written. false: it isn't going to be.
func (c *Cache[V]) put(ch *change, v *V, size int) (queued bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.set(ch.id, v, size, ch.row.Expires)
	if c.o.Table == nil {
		c.rest(e)
		return true
	}
	n := int64(len(ch.row.Data))
	if c.waiting.Add(n) <= int64(c.o.Bytes/2) {
		select {
		case c.queue <- ch:
			e.waits++
			return true
		default:
		}
	}
	c.waiting.Add(-n)
	c.rest(e)
	return false
}

// removed remembers that nothing is there, unless a value has been kept since that
// is still on its way.
func (c *Cache[V]) removed(ch *change) {
	if e := c.entries[ch.id]; e == nil || e.waits == 0 {
		c.rest(c.set(ch.id, nil, 0, ch.row.Expires))
	}
}

// overhead is about what an entry costs beside its content.
const overhead = 256

// set gives an entry its value; it is in no order then.
func (c *Cache[V]) set(id string, v *V, size int, expires time.Time) *entry[V] {
	e, ok := c.entries[id]
	if !ok {
		e = &entry[V]{id: id}
		c.entries[id] = e
	}
	c.unlist(e)
	e.value, e.size, e.expires = v, size+overhead+len(id), expires
	return e
}

func (c *Cache[V]) unlist(e *entry[V]) {
	if e.at != nil {
		c.order.Remove(e.at)
		e.at = nil
		c.size -= e.size
	}
}

// rest puts an entry that doesn't wait among those that can be let go of, and lets
// go of the oldest.
func (c *Cache[V]) rest(e *entry[V]) {
	if e.waits > 0 {
		return
	}
	c.unlist(e)
	e.at = c.order.PushFront(e)
	c.size += e.size
	for c.size > c.o.Bytes {
		last, _ := c.order.Back().Value.(*entry[V])
		c.unlist(last)
		delete(c.entries, last.id)
	}
}
