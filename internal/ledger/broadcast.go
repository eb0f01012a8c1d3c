package ledger

import (
	"sync"
	"sync/atomic"
)

// Broadcast tells turns to whoever follows. A follower that doesn't keep up
// misses turns, which are counted; nobody waits for it.
type Broadcast struct {
	missed atomic.Int64

	mu        sync.Mutex // protects following fields
	followers map[chan Turn]struct{}
}

// maxFollowers bounds how many may follow at once.
const maxFollowers = 256

// Follow returns a channel of turns with room for buffer of them, and a function
// that ends it. The channel is closed at once when too many follow already.
func (b *Broadcast) Follow(buffer int) (<-chan Turn, func()) {
	ch := make(chan Turn, buffer)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.followers) >= maxFollowers {
		close(ch)
		return ch, func() {}
	}
	if b.followers == nil {
		b.followers = map[chan Turn]struct{}{}
	}
	b.followers[ch] = struct{}{}
	return ch, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.followers, ch)
	}
}

// Missed is how many turns followers have missed.
func (b *Broadcast) Missed() int64 { return b.missed.Load() }

func (b *Broadcast) send(t Turn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ch := range b.followers {
		select {
		case ch <- t:
		default:
			b.missed.Add(1)
		}
	}
}
