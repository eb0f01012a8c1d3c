package gateway

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/router"
)

const (
	// maxPlaces bounds the places that are remembered; the longest unused are
	// forgotten first.
	maxPlaces = 20_000
	// maxKinds bounds the kinds of work of one session that are told apart.
	maxKinds = 8
	// maxNames bounds the accounts, models and keys in all places.
	maxNames = 20_000
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
//
// It holds no pointers: tens of thousands of sessions would be walked through at
// each collection of garbage, which costs more than all that is done for a request.
type Places struct {
	now   func() time.Time
	seeds [2]maphash.Seed

	mu       sync.Mutex // protects following fields
	sessions map[digest]int32
	slots    []slot
	// newest and oldest are the ends of the order of use; none: there is no place.
	newest, oldest int32
	names          []string
	numbers        map[string]uint32 // of names
}

// digest stands for an org and a session, or for a kind of work: it is not kept what
// they are called.
type digest [2]uint64

// none is no slot.
const none int32 = -1

// slot is one place as it is kept.
type slot struct {
	session, work       digest
	account, model, key uint32 // numbers of names
	input               int64
	at                  int64 // Unix nanoseconds
	warm                time.Duration
	newer, older        int32 // in the order of use
	next                int32 // of the same session
}

// seat is where one kind of work of a session is done.
type seat struct {
	work  digest // what was asked for; see workOf. The zero value: there is no seat
	place router.Place
	key   string // a hint of the provider's key
	input int64  // how long the prompt was, in tokens
	at    time.Time
	warm  time.Duration // how long it is in the provider's cache then
}

// NewPlaces makes an empty memory that reads the time from now.
func NewPlaces(now func() time.Time) *Places {
	p := &Places{now: now, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	p.clear()
	return p
}

// clear forgets everything.
func (p *Places) clear() {
	p.sessions, p.slots, p.newest, p.oldest = map[digest]int32{}, nil, none, none
	p.names, p.numbers = nil, map[string]uint32{}
}

// digest is of two names; never the zero value.
func (p *Places) digest(a, b string) (d digest) {
	for i, seed := range p.seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		_, _ = h.WriteString(a) // it never fails
		_ = h.WriteByte(0)
		_, _ = h.WriteString(b)
		d[i] = h.Sum64() | 1
	}
	return d
}

// kind is the digest of a kind of work; the zero value for none.
func (p *Places) kind(work string) digest {
	if work == "" {
		return digest{}
	}
	return p.digest(work, "")
}

// at is where a session does one kind of work, else where the most of it was sent;
// "" is any kind. The zero value: nowhere. cold says that the provider will have
// forgotten it by now.
func (p *Places) at(org, session, work string) (at seat, cold bool) {
	id, kind := p.digest(org, session), p.kind(work)
	p.mu.Lock()
	defer p.mu.Unlock()
	first, ok := p.sessions[id]
	if !ok {
		return seat{}, false
	}
	now, cold := p.now(), true
	for i := first; i != none; i = p.slots[i].next {
		s := &p.slots[i]
		idle := now.Sub(time.Unix(0, s.at))
		switch {
		case idle >= remembered:
		case s.work == kind:
			return p.seat(s), idle >= s.warm
		case idle < s.warm && cold, idle < s.warm == !cold && s.input >= at.input:
			at, cold = p.seat(s), idle >= s.warm
		}
	}
	return at, cold && at.work != digest{}
}

func (p *Places) seat(s *slot) seat {
	return seat{
		work: s.work, place: router.Place{Account: p.names[s.account], Model: p.names[s.model]}, key: p.names[s.key],
		input: s.input, at: time.Unix(0, s.at), warm: s.warm,
	}
}

// Known says whether a session was answered of late.
func (p *Places) Known(org, session string) bool {
	id := p.digest(org, session)
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.sessions[id]
	return ok
}

// settle says where a session's work was done.
func (p *Places) settle(org, session string, at seat) {
	id := p.digest(org, session)
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.names) > maxNames {
		p.clear()
	}
	i := p.slot(id, at.work)
	s := &p.slots[i]
	s.account, s.model, s.key = p.number(at.place.Account), p.number(at.place.Model), p.number(at.key)
	s.input, s.at, s.warm = at.input, p.now().UnixNano(), at.warm
	p.use(i)
}

// number is that of a name.
func (p *Places) number(name string) uint32 {
	n, ok := p.numbers[name]
	if !ok {
		n = uint32(len(p.names))
		p.numbers[name] = n
		p.names = append(p.names, name)
	}
	return n
}

// slot is that of a session's kind of work: the one that it has, else a new one, or
// that of what is forgotten for it.
func (p *Places) slot(session, work digest) int32 {
	kinds, last := 0, none
	first, ok := p.sessions[session]
	if !ok {
		first = none
	}
	for i := first; i != none; i = p.slots[i].next {
		if p.slots[i].work == work {
			return i
		}
		if last == none || p.slots[i].at < p.slots[last].at {
			last = i
		}
		kinds++
	}
	if kinds == maxKinds {
		p.slots[last].work = work
		return last
	}
	i := int32(len(p.slots))
	if i < maxPlaces {
		p.slots = append(p.slots, slot{newer: none, older: none})
	} else {
		i = p.oldest
		p.leave(i)
		if first, ok = p.sessions[session]; !ok { // it may have been this one's
			first = none
		}
	}
	p.slots[i].session, p.slots[i].work, p.slots[i].next = session, work, first
	p.sessions[session] = i
	return i
}

// leave takes a slot out of its session.
func (p *Places) leave(i int32) {
	s := &p.slots[i]
	if p.sessions[s.session] != i {
		before := p.sessions[s.session]
		for p.slots[before].next != i {
			before = p.slots[before].next
		}
		p.slots[before].next = s.next
		return
	}
	if s.next == none {
		delete(p.sessions, s.session)
		return
	}
	p.sessions[s.session] = s.next
}

// use puts a slot at the head of the order of use.
func (p *Places) use(i int32) {
	s := &p.slots[i]
	if p.newest == i {
		return
	}
	if s.newer != none {
		p.slots[s.newer].older = s.older
	}
	if s.older != none {
		p.slots[s.older].newer = s.newer
	}
	if p.oldest == i {
		p.oldest = s.newer
	}
	s.newer, s.older = none, p.newest
	if p.newest != none {
		p.slots[p.newest].newer = i
	}
	if p.newest = i; p.oldest == none {
		p.oldest = i
	}
}
