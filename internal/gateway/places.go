package gateway

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/router"
)

const (
	// maxPlaces bounds the sessions whose place is remembered; the longest unused
	// are forgotten first.
	maxPlaces = 50_000
	// warm is how long a provider may have a session's beginning in its cache. After
	// that nothing is lost by another choice, unless a user made it.
	warm = 10 * time.Minute
	// remembered is how long a session may rest and go on where its user chose.
	remembered = 24 * time.Hour
)

// Places remembers where sessions were answered, since a provider's cache of the
// conversation is worth more than a lower price. It is safe for concurrent use.
//
// Tens of thousands of sessions stay in memory for as long as the process runs, and
// each collection of garbage would look at every pointer in them. So there are none:
// a session is its hash, and a place the number of one that many sessions share.
type Places struct {
	now   func() time.Time
	seeds [2]maphash.Seed

	mu    sync.Mutex // protects following fields
	known map[sessionHash]int32
	slots []slot // linked by their numbers, most recently used first
	first int32
	last  int32

	numbers map[router.Place]int32 // of places, as nobody has chosen them
	shared  []sharedPlace
	unused  []int32 // of shared
}

// none is the number of no slot.
const none = -1

type sessionHash [2]uint64

// slot is what is remembered of a session.
type slot struct {
	key        sessionHash
	at         int64 // in nanoseconds since 1970
	place      int32
	prev, next int32
	chosen     bool
}

// sharedPlace is a place with the number of the sessions that are there.
type sharedPlace struct {
	router.Place
	sessions int
}

// NewPlaces makes an empty memory that reads the time from now.
func NewPlaces(now func() time.Time) *Places {
	return &Places{
		now: now, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		known: map[sessionHash]int32{}, numbers: map[router.Place]int32{}, first: none, last: none,
	}
}

func (p *Places) hash(org, session string) sessionHash {
	k := [2]string{org, session}
	return sessionHash{maphash.Comparable(p.seeds[0], k), maphash.Comparable(p.seeds[1], k)}
}

// At is where a session is; the zero value: nowhere.
func (p *Places) At(org, session string) router.Place {
	p.mu.Lock()
	defer p.mu.Unlock()
	i, ok := p.known[p.hash(org, session)]
	if !ok {
		return router.Place{}
	}
	s := &p.slots[i]
	idle := p.now().Sub(time.Unix(0, s.at))
	if s.chosen && idle < remembered || idle < warm {
		at := p.shared[s.place].Place
		at.Chosen = s.chosen
		return at
	}
	return router.Place{}
}

// Settle says where a session was answered. A place that a user chose stays chosen
// as long as the session is there.
func (p *Places) Settle(org, session string, at router.Place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	chosen := at.Chosen
	at.Chosen = false
	key, place := p.hash(org, session), p.numberOf(at)
	i, ok := p.known[key]
	switch {
	case ok:
		p.unlink(i)
		chosen = chosen || p.slots[i].chosen && p.slots[i].place == place
		p.leave(p.slots[i].place)
	case len(p.slots) < maxPlaces:
		i = int32(len(p.slots))
		p.slots = append(p.slots, slot{})
	default:
		i = p.last
		p.unlink(i)
		p.leave(p.slots[i].place)
		delete(p.known, p.slots[i].key)
	}
	p.known[key] = i
	p.slots[i] = slot{key: key, at: p.now().UnixNano(), place: place, chosen: chosen}
	p.link(i)
}

// numberOf is the number of a place, at which there is one session more now.
func (p *Places) numberOf(at router.Place) int32 {
	n, ok := p.numbers[at]
	switch {
	case ok:
	case len(p.unused) > 0:
		n = p.unused[len(p.unused)-1]
		p.unused = p.unused[:len(p.unused)-1]
	default:
		n = int32(len(p.shared))
		p.shared = append(p.shared, sharedPlace{})
	}
	p.numbers[at] = n
	p.shared[n].Place = at
	p.shared[n].sessions++
	return n
}

// leave says that there is one session less at a place.
func (p *Places) leave(n int32) {
	if p.shared[n].sessions--; p.shared[n].sessions == 0 {
		delete(p.numbers, p.shared[n].Place)
		p.shared[n] = sharedPlace{}
		p.unused = append(p.unused, n)
	}
}

// link puts a slot first.
func (p *Places) link(i int32) {
	p.slots[i].prev, p.slots[i].next = none, p.first
	if p.first != none {
		p.slots[p.first].prev = i
	} else {
		p.last = i
	}
	p.first = i
}

func (p *Places) unlink(i int32) {
	s := &p.slots[i]
	if s.prev != none {
		p.slots[s.prev].next = s.next
	} else {
		p.first = s.next
	}
	if s.next != none {
		p.slots[s.next].prev = s.prev
	} else {
		p.last = s.prev
	}
}
