package health

import (
	"container/list"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router"
)

// Place is what a breaker stands before.
type Place struct{ Account, Key, Model string }

// Result is how an attempt ended.
type Result struct {
	// Kind is that of the failure; "" when it answered.
	Kind llm.Kind
	// RetryAfter is how long the provider asks to wait; 0 when it doesn't say.
	RetryAfter time.Duration
	// FirstToken is the time to the first token and Duration to the end; Output
	// how many tokens were written.
	FirstToken, Duration time.Duration
	Output               int64
}

// The bounds of a breaker.
const (
	window     = 20 // of the last attempts at most
	fewest     = 5  // must have been made before it opens
	memory     = time.Minute
	firstRest  = 5 * time.Second
	longest    = time.Minute     // that it rests of its own
	mostWait   = time.Hour       // that a provider can ask for
	keyRest    = 5 * time.Minute // of a key that is refused or has nothing left, at first
	maxTracked = 10_000
	// newest is how much the last value counts in a running mean.
	newest = 0.2
)

// Tracker follows attempts. It is safe for concurrent use.
type Tracker struct {
	now func() time.Time
	// jitter spreads rests, from 0 to 1.
	jitter func() float64

	mu     sync.Mutex // protects following fields
	order  *list.List // of *track, most recently used first
	tracks map[Place]*list.Element
	models map[model]*pace
}

type model struct{ account, id string }

// pace is what is known of a model at an account, whatever the key.
type pace struct {
	places     int // of tracks
	firstToken time.Duration
	perSecond  float64 // tokens
}

// track is one breaker.
type track struct {
	at     Place
	failed uint32 // a bit for each of the last attempts, the newest lowest
	made   int    // of them, at most window
	seen   time.Time
	opened time.Time     // when it last opened, or stayed so
	until  time.Time     // open until then; zero: closed
	rest   time.Duration // how long it was open last
	probe  time.Time     // when the attempt was let through whose end is awaited; zero: none
	last   llm.Kind
}

// New makes a tracker that reads the time from now.
func New(now func() time.Time) *Tracker {
	return &Tracker{now: now, jitter: rand.Float64, order: list.New(), tracks: map[Place]*list.Element{}, models: map[model]*pace{}}
}

// blames says whether a failure is the provider's, so that other requests would
// meet it too.
func blames(k llm.Kind) bool {
	switch k {
	case llm.KindRateLimit, llm.KindOverloaded, llm.KindUpstream, llm.KindTimeout, llm.KindTruncated:
		return true
	}
	return false
}

// ofKey says whether a failure is the key's, which takes a person to mend.
func ofKey(k llm.Kind) bool { return k == llm.KindAuth || k == llm.KindQuota }

// probing is how long the end of a probe is awaited before another is let through.
const probing = 2 * time.Minute

// Allow says whether an attempt may be made now. It takes the place of the one
// attempt that a breaker lets through, so it must be followed by the attempt and
// Ended.
func (t *Tracker) Allow(at Place) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	tr := t.find(at)
	if tr == nil || tr.until.IsZero() {
		return true
	}
	now := t.now()
	if tr.isOpen(now) {
		return false
	}
	tr.probe = now
	return true
}

// open opens the breaker for so long, and no less than it is to be already.
func (tr *track) open(now time.Time, rest time.Duration) {
	tr.opened, tr.until = now, later(tr.until, now.Add(rest))
}

// isOpen says whether no attempt is let through.
func (tr *track) isOpen(now time.Time) bool {
	return now.Before(tr.until) || !tr.probe.IsZero() && now.Sub(tr.probe) < probing
}

// Ended tells how an attempt ended. One that the client gave up, or whose failure
// is the request's own, says nothing. One that was sent before the breaker opened
// doesn't close it.
func (t *Tracker) Ended(at Place, r Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	sent := now.Add(-r.Duration)
	if r.Kind != "" && !blames(r.Kind) && !ofKey(r.Kind) {
		if tr := t.find(at); tr != nil && !sent.Before(tr.probe) {
			tr.probe = time.Time{} // the next one may try
		}
		return
	}
	tr := t.track(at)
	if now.Sub(tr.seen) > memory {
		tr.failed, tr.made = 0, 0
	}
	tr.seen = now
	probed := !tr.probe.IsZero() && !sent.Before(tr.probe)
	if probed {
		tr.probe = time.Time{}
	}
	tr.made = min(tr.made+1, window)
	tr.failed = tr.failed << 1 & (1<<window - 1)
	if r.Kind == "" {
		if !sent.Before(tr.opened) {
			tr.last, tr.rest, tr.until = "", 0, time.Time{}
		}
		if probed {
			tr.failed, tr.made = 0, 0
		}
		t.models[model{at.Account, at.Model}].add(r)
		return
	}
	tr.failed |= 1
	tr.last = r.Kind
	switch {
	case ofKey(r.Kind):
		tr.rest = min(max(2*tr.rest, keyRest), mostWait)
		tr.open(now, max(tr.rest, min(r.RetryAfter, mostWait)))
	case r.RetryAfter > 0:
		tr.open(now, min(r.RetryAfter, mostWait))
	case probed, r.Kind == llm.KindRateLimit, tr.made >= fewest && 2*tr.failures() >= tr.made:
		tr.rest = min(max(2*min(tr.rest, longest), firstRest), longest)
		tr.open(now, tr.rest+time.Duration(t.jitter()*float64(tr.rest)/4))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (tr *track) failures() (n int) {
	for bits := tr.failed; bits != 0; bits &= bits - 1 {
		n++
	}
	return n
}

func (p *pace) add(r Result) {
	if r.FirstToken > 0 {
		p.firstToken = time.Duration(mean(float64(p.firstToken), float64(r.FirstToken)))
	}
	if writing := r.Duration - r.FirstToken; r.Output > 1 && writing > 0 {
		p.perSecond = mean(p.perSecond, float64(r.Output)/writing.Seconds())
	}
}

func mean(was, now float64) float64 {
	if was <= 0 {
		return now
	}
	return was + newest*(now-was)
}

// Of says how a model does at an account, for the keys of these hints: it rests
// when it does with all of them.
func (t *Tracker) Of(account, id string, keys []string) router.Condition {
	t.mu.Lock()
	defer t.mu.Unlock()
	var c router.Condition
	p := t.models[model{account, id}]
	if p == nil {
		return c
	}
	c.FirstToken, c.TokensPerSecond = p.firstToken, p.perSecond
	now := t.now()
	for _, key := range keys {
		e := t.tracks[Place{account, key, id}]
		if e == nil {
			return router.Condition{FirstToken: c.FirstToken, TokensPerSecond: c.TokensPerSecond}
		}
		tr, _ := e.Value.(*track)
		if tr.until.IsZero() || !tr.isOpen(now) {
			return router.Condition{FirstToken: c.FirstToken, TokensPerSecond: c.TokensPerSecond}
		}
		if !c.Resting || tr.until.Before(c.Until) {
			c.Resting, c.Until, c.Last = true, later(tr.until, now), tr.last
		}
	}
	return c
}

// find returns the track of a place; nil: there is none.
func (t *Tracker) find(at Place) *track {
	e := t.tracks[at]
	if e == nil {
		return nil
	}
	t.order.MoveToFront(e)
	tr, _ := e.Value.(*track)
	return tr
}

// track returns the track of a place, a new one if need be.
func (t *Tracker) track(at Place) *track {
	if tr := t.find(at); tr != nil {
		return tr
	}
	tr := &track{at: at}
	t.tracks[at] = t.order.PushFront(tr)
	m := model{at.Account, at.Model}
	if t.models[m] == nil {
		t.models[m] = &pace{}
	}
	t.models[m].places++
	if t.order.Len() > maxTracked {
		t.forget()
	}
	return tr
}

func (t *Tracker) forget() {
	e := t.order.Back()
	old, _ := t.order.Remove(e).(*track)
	delete(t.tracks, old.at)
	m := model{old.at.Account, old.at.Model}
	if t.models[m].places--; t.models[m].places == 0 {
		delete(t.models, m)
	}
}
