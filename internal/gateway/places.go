package gateway

import (
	"container/list"
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
type Places struct {
	now func() time.Time

	mu    sync.Mutex // protects following fields
	order *list.List // of *settled, most recently used first
	known map[sessionKey]*list.Element
}

type sessionKey struct{ org, session string }

type settled struct {
	key   sessionKey
	place router.Place
	at    time.Time
}

// NewPlaces makes an empty memory that reads the time from now.
func NewPlaces(now func() time.Time) *Places {
	return &Places{now: now, order: list.New(), known: map[sessionKey]*list.Element{}}
}

// At is where a session is; the zero value: nowhere.
func (p *Places) At(org, session string) router.Place {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.known[sessionKey{org, session}]
	if !ok {
		return router.Place{}
	}
	s, _ := e.Value.(*settled)
	idle := p.now().Sub(s.at)
	if s.place.Chosen && idle < remembered || idle < warm {
		return s.place
	}
	return router.Place{}
}

// Settle says where a session was answered. A place that a user chose stays chosen
// as long as the session is there.
func (p *Places) Settle(org, session string, at router.Place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := sessionKey{org, session}
	if e, ok := p.known[k]; ok {
		s, _ := e.Value.(*settled)
		at.Chosen = at.Chosen || s.place.Chosen && s.place.Account == at.Account && s.place.Model == at.Model
		s.place, s.at = at, p.now()
		p.order.MoveToFront(e)
		return
	}
	p.known[k] = p.order.PushFront(&settled{k, at, p.now()})
	if p.order.Len() > maxPlaces {
		last, _ := p.order.Remove(p.order.Back()).(*settled)
		delete(p.known, last.key)
	}
}
