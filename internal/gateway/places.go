package gateway

import (
	"slices"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/router"
)

const (
	// maxPlaces bounds the sessions whose places are remembered; the longest
	// unused are forgotten first, and half as many never are.
	maxPlaces = 20_000
	// maxKinds bounds the kinds of work of one session that are told apart.
	maxKinds = 4
	// maxSpots bounds the models and keys at which sessions are. Nobody has so many:
	// somebody makes names up, and where sessions are is forgotten.
	maxSpots = 10_000
	// warm is how long a provider may have a session's beginning in its cache of
	// which nobody knows.
	warm = 10 * time.Minute
	// warmPaid is how long it has what it was paid to keep for an hour.
	warmPaid = time.Hour
	// remembered is how long a session may rest and go on with its task where it
	// was.
	remembered = 24 * time.Hour
)

// Places remembers where sessions were answered, since a provider's cache of the
// conversation is worth more than a lower price. What a client asks besides in the
// same session, like titles for it, has places of its own. It is safe for
// concurrent use.
type Places struct {
	now func() time.Time

	mu       sync.Mutex // protects following fields
	sessions recent[settled]
	spots    []spot // by number, since many sessions are at each
	numbers  map[spot]int32
}

// settled are the places of a session, by the kind of work: the one used last
// first, and those that aren't there at the end.
type settled [maxKinds]seated

// seated is a seat as it is remembered, without a pointer.
type seated struct {
	work  kind
	at    int64 // nanoseconds since 1970
	warm  time.Duration
	input int64
	spot  int32
}

// spot is a model at an account, and a hint of the key by which it was asked.
type spot struct {
	place router.Place
	key   string
}

// kind tells a kind of work from others; 0: none.
type kind uint64

// seat is where one kind of work of a session is done.
type seat struct {
	spot
	work  kind          // what was asked for; see workOf
	input int64         // how long the prompt was, in tokens
	warm  time.Duration // how long it is in the provider's cache
}

// NewPlaces makes an empty memory that reads the time from now.
func NewPlaces(now func() time.Time) *Places {
	return &Places{now: now, sessions: newRecent[settled](maxPlaces / 2), numbers: map[spot]int32{}}
}

// kindOf is the kind of a work; "" has none.
func (p *Places) kindOf(work string) kind {
	if work == "" {
		return 0
	}
	return kind(max(p.sessions.digest(work)[0], 1))
}

// at is where a session does one kind of work, else where the most of it was sent;
// "" is any kind. The zero value: nowhere. cold says that the provider will have
// forgotten it by now.
func (p *Places) at(org, session, work string) (at seat, cold bool) {
	d, k, now := p.sessions.digest(org, session), p.kindOf(work), p.now().UnixNano()
	p.mu.Lock()
	defer p.mu.Unlock()
	v, ok := p.sessions.get(d)
	if !ok {
		return seat{}, false
	}
	cold = true
	var most seated
	for i := len(v) - 1; i >= 0; i-- {
		s := v[i]
		idle := time.Duration(now - s.at)
		switch {
		case s.work == 0 || idle >= remembered:
		case s.work == k:
			return p.seat(s), idle >= s.warm
		case idle < s.warm && cold, idle < s.warm == !cold && s.input >= most.input:
			most, cold = s, idle >= s.warm
		}
	}
	if most.work == 0 {
		return seat{}, false
	}
	return p.seat(most), cold
}

func (p *Places) seat(s seated) seat {
	return seat{spot: p.spots[s.spot], work: s.work, input: s.input, warm: s.warm}
}

// Knows says whether a session is remembered.
func (p *Places) Knows(org, session string) bool {
	d := p.sessions.digest(org, session)
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.sessions.get(d)
	return ok
}

// settle says where a session's work was done.
func (p *Places) settle(org, session string, s seat) {
	d, now := p.sessions.digest(org, session), p.now().UnixNano()
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.numberOf(s.spot)
	v, _ := p.sessions.get(d)
	i := slices.IndexFunc(v[:], func(had seated) bool { return had.work == s.work || had.work == 0 })
	if i < 0 {
		i = len(v) - 1
	}
	copy(v[1:i+1], v[:i])
	v[0] = seated{work: s.work, at: now, warm: s.warm, input: s.input, spot: n}
	p.sessions.put(d, v)
}

func (p *Places) numberOf(s spot) int32 {
	if n, ok := p.numbers[s]; ok {
		return n
	}
	if len(p.spots) == maxSpots {
		p.sessions.forget()
		clear(p.numbers)
		p.spots = nil
	}
	n := int32(len(p.spots))
	p.spots, p.numbers[s] = append(p.spots, s), n
	return n
}
