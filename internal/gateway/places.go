package gateway

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/router"
)

const (
	// maxPlaces bounds the sessions whose places are remembered; the longest unused
	// are forgotten first.
	maxPlaces = 50_000
	// maxKinds bounds the kinds of work of one session that are told apart.
	maxKinds = 8
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

	mu    sync.Mutex // protects following fields
	order *list.List // of *settled, most recently used first
	known map[sessionKey]*list.Element
}

type sessionKey struct{ org, session string }

// settled are the places of a session, by the kind of work.
type settled struct {
	key    sessionKey
	user   string
	places []seat // the one used last at the end
}

// seat is where one kind of work of a session is done.
type seat struct {
	work  string // what was asked for; see workOf
	place router.Place
	key   string // a hint of the provider's key
	input int64  // how long the prompt was, in tokens
	at    time.Time
	warm  time.Duration // how long it is in the provider's cache then
}

// NewPlaces makes an empty memory that reads the time from now.
func NewPlaces(now func() time.Time) *Places {
	return &Places{now: now, order: list.New(), known: map[sessionKey]*list.Element{}}
}

// at is where a session does one kind of work, else where the most of it was sent;
// "" is any kind. The zero value: nowhere. cold says that the provider will have
// forgotten it by now.
func (p *Places) at(org, session, work string) (at seat, cold bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.known[sessionKey{org, session}]
	if !ok {
		return seat{}, false
	}
	v, _ := e.Value.(*settled)
	now, cold := p.now(), true
	for _, s := range v.places {
		idle := now.Sub(s.at)
		switch {
		case idle >= remembered:
		case s.work == work:
			return s, idle >= s.warm
		case idle < s.warm && cold, idle < s.warm == !cold && s.input >= at.input:
			at, cold = s, idle >= s.warm
		}
	}
	return at, cold && at.work != ""
}

// User is whose session it is; "" when it isn't remembered.
func (p *Places) User(org, session string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e, ok := p.known[sessionKey{org, session}]; ok {
		v, _ := e.Value.(*settled)
		return v.user
	}
	return ""
}

// settle says where a session's work was done.
func (p *Places) settle(org, user, session string, s seat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.at = p.now()
	k := sessionKey{org, session}
	e, ok := p.known[k]
	if !ok {
		e = p.order.PushFront(&settled{key: k, user: user})
		p.known[k] = e
	}
	p.order.MoveToFront(e)
	v, _ := e.Value.(*settled)
	v.places = slices.DeleteFunc(v.places, func(had seat) bool { return had.work == s.work })
	if len(v.places) == maxKinds {
		v.places = slices.Delete(v.places, 0, 1)
	}
	v.places = append(v.places, s)
	if p.order.Len() > maxPlaces {
		last, _ := p.order.Remove(p.order.Back()).(*settled)
		delete(p.known, last.key)
	}
}
