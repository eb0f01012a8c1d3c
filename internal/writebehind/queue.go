// Package writebehind brings rows to a database behind the back of requests, which
// never wait for it.
//
// What waits is bounded in rows and bytes; beyond that a row is not taken, and the
// caller has it in memory alone. A batch that the database doesn't take is tried
// again a few times, then given up: it is for what can be missed, not for books.
package writebehind

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Options configure a Queue; all are needed but Rows.
type Options[T any] struct {
	// Write stores a batch, whole or not at all. It is called by one goroutine.
	Write func(context.Context, []T) error
	// Lost is told of a batch that was given up, and why.
	Lost  func(rows int, err error)
	Rows  int   // that may wait; default 4096
	Bytes int64 // that may wait
}

// Queue is rows on their way to a database. It is safe for concurrent use.
type Queue[T any] struct {
	o       Options[T]
	rows    chan sized[T]
	waiting atomic.Int64  // bytes
	closing chan struct{} // closed when no more is to come
	done    chan struct{}
	drop    sync.Once
	storing context.Context // ends when the database has had its time
	giveUp  context.CancelFunc
}

type sized[T any] struct {
	row  T
	size int64
}

// New makes a queue and starts its writer; Close ends it.
func New[T any](o Options[T]) *Queue[T] {
	if o.Rows <= 0 {
		o.Rows = 4096
	}
	q := &Queue[T]{o: o, rows: make(chan sized[T], o.Rows), closing: make(chan struct{}), done: make(chan struct{})}
	q.storing, q.giveUp = context.WithCancel(context.Background())
	go q.write()
	return q
}

// Put takes a row of so many bytes; false says that too much waits. What is put
// after Close is not written.
func (q *Queue[T]) Put(row T, size int) bool {
	n := int64(size)
	if q.waiting.Add(n) <= q.o.Bytes {
		select {
		case q.rows <- sized[T]{row, n}:
			return true
		default:
		}
	}
	q.waiting.Add(-n)
	return false
}

// Waiting is how many bytes are on their way.
func (q *Queue[T]) Waiting() int64 { return q.waiting.Load() }

// lastPatience is how long Close waits for the database.
const lastPatience = 10 * time.Second

// Close writes what waits, as far as the database takes it in a short time, and
// ends the writer.
func (q *Queue[T]) Close() {
	q.drop.Do(func() { close(q.closing) })
	late := time.AfterFunc(lastPatience, q.giveUp)
	<-q.done
	late.Stop()
	q.giveUp()
}

// batch is how many rows are written at once.
const batch = 256

func (q *Queue[T]) write() {
	defer close(q.done)
	for closing := false; ; {
		var rows []T
		size := int64(0)
		add := func(s sized[T]) {
			rows = append(rows, s.row)
			size += s.size
		}
		if !closing {
			select {
			case s := <-q.rows:
				add(s)
			case <-q.closing:
				closing = true
			}
		}
		for len(rows) < batch && len(q.rows) > 0 {
			add(<-q.rows)
		}
		if len(rows) == 0 {
			return
		}
		q.store(rows)
		q.waiting.Add(-size)
	}
}

// How often a batch is tried, and how long each try may take.
const (
	tries    = 5
	patience = 10 * time.Second
)

func (q *Queue[T]) store(rows []T) {
	for try := range tries {
		ctx, cancel := context.WithTimeout(q.storing, patience)
		err := q.o.Write(ctx, rows)
		cancel()
		if err == nil {
			return
		}
		if try == tries-1 || q.storing.Err() != nil {
			q.o.Lost(len(rows), err)
			return
		}
		select {
		case <-q.storing.Done():
		case <-time.After(time.Duration(try+1) * 200 * time.Millisecond):
		}
	}
}
