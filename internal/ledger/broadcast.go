package ledger

import (
	"errors"
	"sync"
	"sync/atomic"
)

// Broadcast tells turns to whoever follows. Nobody waits for a follower: one that
// doesn't keep up is dropped, and sees that by its channel's end.
type Broadcast struct {
	dropped atomic.Int64

	mu        sync.Mutex // protects following fields
	followers map[chan Turn]func(*Turn) bool
}

// maxFollowers bounds how many may follow at once.
const maxFollowers = 256

// ErrTooManyFollowers is why nobody more may follow.
var ErrTooManyFollowers = errors.New("too many follow already")

// Follow returns a channel of the turns that pass, with room for buffer of them,
// and a function that ends it, to be called once. The channel is closed, behind
// what is in it, when the follower is dropped because that room was full. pass
// must not wait.
func (b *Broadcast) Follow(buffer int, pass func(*Turn) bool) (<-chan Turn, func(), error) {
	ch := make(chan Turn, buffer)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.followers) >= maxFollowers {
		return nil, nil, ErrTooManyFollowers
	}
	if b.followers == nil {
		b.followers = map[chan Turn]func(*Turn) bool{}
	}
	b.followers[ch] = pass
	return ch, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.followers, ch)
	}, nil
}

// Dropped is how many followers were dropped.
func (b *Broadcast) Dropped() int64 { return b.dropped.Load() }

func (b *Broadcast) send(t Turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ch, pass := range b.followers {
		if !pass(&t) {
			continue
		}
		select {
		case ch <- t:
		default:
			delete(b.followers, ch)
			close(ch)
			b.dropped.Add(1)
		}
	}
}
