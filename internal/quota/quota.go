package quota

import (
	"container/list"
	"sync"
	"time"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

// Place is one model at one account.
type Place struct{ Account, Model string }

const (
	// maxPools bounds what is tracked.
	maxPools = 10_000
	// heldBack is the part of a limit that is never planned with: others may use
	// the account as well, and vendors count in their own way.
	heldBack = 20
	// forOthers is the part of a limit below which what is left is kept for the
	// workloads that prefer what is free.
	forOthers = 2
	// unsaidRest is how long what is free counts as used up where a refusal doesn't
	// say.
	unsaidRest = time.Minute
	// notOneModels is from how long on a refusal that tells no limit is of all that
	// count together: shorter ones may be of the one model, which rests by itself.
	notOneModels = time.Hour
	// unsaidDay is the same for a quota of a day that rolls on.
	unsaidDay = time.Hour
)

// Tracker counts what is used of what is free. It is safe for concurrent use.
type Tracker struct {
	now func() time.Time

	mu    sync.Mutex // protects following fields
	seq   uint64     // of attempts
	order *list.List // of *pool, most recently used first
	pools map[Place]*list.Element
}

// The allowances of a pool.
const (
	requestsMinute = iota
	requestsDay
	tokensMinute
	tokensDay
	allowances
)

// pool is what is counted together.
type pool struct {
	at Place // the model is "" where all of the account count together
	of [allowances]allowance
	// dry is until when a refusal said that nothing is left, and refused the attempt
	// that met it.
	dry     time.Time
	refused uint64
}

// Ticket is one attempt that is counted. The zero value is none.
type Ticket struct {
	at     Place
	seq    uint64
	sent   time.Time
	tokens int64
	marks  [allowances]int64 // totals, this one included
}

// New makes a tracker that reads the time from now.
func New(now func() time.Time) *Tracker {
	return &Tracker{now: now, order: list.New(), pools: map[Place]*list.Element{}}
}

// Open counts an attempt that is about to be sent, which will use about so many
// tokens. It must be followed by Close.
func (t *Tracker) Open(at Place, q *catalog.Quota, tokens int64) Ticket {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open(t.pool(at, q), tokens)
}

// Take is Open, unless too little is left for the attempt.
func (t *Tracker) Take(at Place, q *catalog.Quota, tokens int64) (Ticket, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pool(at, q)
	if p.short(q, tokens, t.now()) {
		return Ticket{}, false
	}
	return t.open(p, tokens), true
}

func (t *Tracker) open(p *pool, tokens int64) Ticket {
	t.seq++
	tk := Ticket{at: p.at, seq: t.seq, sent: t.now(), tokens: max(tokens, 0)}
	for i := range p.of {
		p.of[i].add(tk.share(i), tk.sent)
		tk.marks[i] = p.of[i].total
	}
	return tk
}

// share is what the attempt counts in an allowance.
func (tk *Ticket) share(i int) int64 {
	if i == requestsMinute || i == requestsDay {
		return 1
	}
	return tk.tokens
}

// Result is how an attempt ended.
type Result struct {
	// Tokens are what it used.
	Tokens int64
	// Unsent says that it was never sent.
	Unsent bool
	// Err is its failure; nil when it answered.
	Err *llm.Error
	// Limits are those that its answer told.
	Limits provider.Limits
}

// Close tells how an attempt ended.
func (t *Tracker) Close(tk Ticket, q *catalog.Quota, r Result) {
	if tk.seq == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	p, now := t.pool(tk.at, q), t.now()
	limited := r.Err != nil && (r.Err.Kind == llm.KindRateLimit || r.Err.Kind == llm.KindQuota)
	dries := limited && (r.Err.Kind == llm.KindQuota || q.Per == catalog.PerModel || r.Limits.Requests.Known || r.Err.RetryAfter >= notOneModels)
	for i := range p.of {
		n := -tk.share(i)
		if !r.Unsent && !limited {
			n = 0
			if i == tokensMinute || i == tokensDay {
				n = max(r.Tokens, 0) - tk.tokens
			}
		}
		p.of[i].add(n, tk.sent)
		tk.marks[i] += n
	}
	if r.Unsent {
		return
	}
	p.told(&tk, requestsMinute, requestsDay, q.Requests, r.Limits.Requests, now)
	p.told(&tk, tokensMinute, tokensDay, q.Tokens, r.Limits.Tokens, now)
	if dries {
		p.refused = max(p.refused, tk.seq)
	}
	switch {
	case !dries:
		if r.Err == nil && tk.seq > p.refused {
			p.dry = time.Time{}
		}
	case r.Err.RetryAfter > 0:
		p.dry = later(p.dry, now.Add(r.Err.RetryAfter))
	case r.Err.Kind == llm.KindQuota:
		p.dry = later(p.dry, p.nextDay(now))
	default:
		p.dry = later(p.dry, now.Add(unsaidRest))
	}
}

// told takes over a limit that the answer of an attempt told, unless one that was
// sent later told already.
func (p *pool) told(tk *Ticket, ofMinute, ofDay int, which string, l provider.Limit, now time.Time) {
	if !l.Known || l.Limit <= 0 {
		return
	}
	i := ofMinute
	if which == catalog.OfDay || which == catalog.ByItsTime && l.Reset > time.Minute {
		i = ofDay
	}
	a := &p.of[i]
	if tk.seq < a.teller {
		return
	}
	a.teller = tk.seq
	whole := time.Time{}
	if l.Reset > 0 {
		whole = now.Add(l.Reset)
	}
	a.tell(l.Limit, min(l.Remaining, l.Limit), a.total-tk.marks[i], whole, now)
}

// nextDay is when the quota of a day is there again.
func (p *pool) nextDay(now time.Time) time.Time {
	day := &p.of[requestsDay]
	if !day.whole.IsZero() {
		return day.whole
	}
	if day.slot > 0 {
		return now.Add(unsaidDay)
	}
	return day.end(day.at(now))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// limits are those of a quota, in the order of a pool's allowances.
func limits(q *catalog.Quota) [allowances]int64 {
	return [allowances]int64{q.RequestsPerMinute, q.RequestsPerDay, q.TokensPerMinute, q.TokensPerDay}
}

// short says whether too little is left for an attempt.
func (p *pool) short(q *catalog.Quota, tokens int64, now time.Time) bool {
	if now.Before(p.dry) {
		return true
	}
	tk := Ticket{tokens: max(tokens, 0)}
	said := limits(q)
	for i := range p.of {
		if limit := p.of[i].most(said[i]); limit > 0 && limit-p.of[i].sum < tk.share(i)+limit/heldBack {
			return true
		}
	}
	return false
}

// most is the limit that counts; 0: none is known.
func (a *allowance) most(said int64) int64 {
	if a.limit > 0 {
		return a.limit
	}
	return said
}

// State says how it is with what is free at a place, for a request of about so
// many tokens. dry: there is too little for it, or a refusal said so. kept: less
// than half of a limit is left, so that the rest is kept for the workloads that
// prefer what is free.
func (t *Tracker) State(at Place, q *catalog.Quota, tokens int64) (dry, kept bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	p := t.known(at, q, now)
	if p == nil {
		p = &pool{}
	}
	if p.short(q, tokens, now) {
		return true, true
	}
	said := limits(q)
	for i := range p.of {
		if limit := p.of[i].most(said[i]); limit > 0 && limit-p.of[i].sum < limit-limit/forOthers {
			return false, true
		}
	}
	return false, false
}

// Spent tells what was used before the tracker was there, as the books know it.
func (t *Tracker) Spent(at Place, q *catalog.Quota, when time.Time, requests, tokens int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.pool(at, q)
	p.of[requestsDay].add(max(requests, 0), when)
	p.of[tokensDay].add(max(tokens, 0), when)
}

func newPool(at Place, q *catalog.Quota, now time.Time) *pool {
	p := &pool{at: at}
	day := dayOf(&q.Counting)
	for i, w := range [allowances]window{minute, day, minute, day} {
		p.of[i] = allowance{window: w, newest: w.at(now)}
	}
	return p
}

// where is what a place counts with.
func where(at Place, q *catalog.Quota) Place {
	if q.Per != catalog.PerModel {
		at.Model = ""
	}
	return at
}

// known returns the pool of a place, brought to the present; nil: nothing of it
// was counted.
func (t *Tracker) known(at Place, q *catalog.Quota, now time.Time) *pool {
	e := t.pools[where(at, q)]
	if e == nil {
		return nil
	}
	t.order.MoveToFront(e)
	p, _ := e.Value.(*pool)
	for i := range p.of {
		p.of[i].advance(now)
	}
	return p
}

// pool is known, with a new one where there is none.
func (t *Tracker) pool(at Place, q *catalog.Quota) *pool {
	now := t.now()
	if p := t.known(at, q, now); p != nil {
		return p
	}
	p := newPool(where(at, q), q, now)
	t.pools[p.at] = t.order.PushFront(p)
	if t.order.Len() > maxPools {
		old, _ := t.order.Remove(t.order.Back()).(*pool)
		delete(t.pools, old.at)
	}
	return p
}
