package gateway

import (
	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
)

// recording is one turn on its way to the recorder.
type recording struct {
	g       *Gateway
	t       *Turn
	st      *State
	head    Head // what never changes of it
	sent    int  // attempts so far
	charges []Charge
	free    free
	// remember keeps what later turns will need. It comes before the end of the
	// answer leaves, since the next turn may come at once. Nil: nothing is.
	remember func(*dispatch.Outcome)
}

var _ dispatch.Recorder = (*recording)(nil)

// Open records that an attempt is about to be sent.
func (r *recording) Open(a *dispatch.Attempt) error {
	r.sent++
	err := r.g.Recorder.OpenAttempt(r.t, a)
	if err == nil {
		r.opened(a)
	}
	return err
}

// Close records the end of an attempt that another one follows.
func (r *recording) Close(a *dispatch.Attempt) {
	c := r.charge(a)
	r.charges = append(r.charges, c)
	r.closed(a, c.Usage)
	r.g.Recorder.CloseAttempt(r.t, a, c)
}

// Done records the turn, before anything that could fail over its answer.
func (r *recording) Done(o *dispatch.Outcome) {
	r.charges = append(r.charges, r.charge(o.Last()))
	r.closed(o.Last(), r.charges[len(r.charges)-1].Usage)
	r.g.Recorder.CloseTurn(r.t, o, r.charges)
	if r.g.Ended != nil {
		r.g.Ended(r.t, o, r.charges)
	}
	if o.Status == dispatch.StatusOK {
		r.learn(o.Last())
	}
	if r.remember != nil {
		r.remember(o)
	}
}

// charge is what an attempt used and cost. What the provider didn't tell is
// estimated as far as bytes were seen, and unknown where nothing was.
func (r *recording) charge(a *dispatch.Attempt) Charge {
	u := a.Metered.Usage
	if !plausible(u) {
		u = llm.Usage{}
	}
	switch {
	case u.Quality == llm.QualityExact && a.Status != dispatch.StatusCut && a.Status != dispatch.StatusCanceled:
	case a.Status == dispatch.StatusError && a.Err != nil && a.Err.Status >= 400:
		u.Quality = llm.QualityExact // refused: nothing was used
	case a.Status == dispatch.StatusError && a.Metered.OutputBytes == 0:
	default:
		u = r.estimate(u, a)
	}
	c := Charge{Usage: u}
	account := r.st.Accounts[a.Provider]
	if account != nil && account.Profile.TrustCost && u.ProviderCost != nil {
		c.Cost = u.ProviderCost
		return c
	}
	if u.Quality == llm.QualityExact && u.IsZero() {
		zero := llm.NanoUSD(0)
		c.Cost = &zero
		return c
	}
	// What answered is what costs: a name can be redirected, and not every
	// provider says to what.
	entry := r.st.View().Lookup(a.Provider, a.Metered.Model)
	if entry == nil || entry.Price == nil {
		entry = r.st.View().Lookup(a.Provider, a.Model)
	}
	if entry = r.st.View().Answering(entry, r.t.Started); entry != nil {
		c.Cost = entry.Cost(u, r.t.Started)
	}
	return c
}

// maxTokens is more than any answer can use.
const maxTokens = 1 << 30

// plausible says whether a usage can be what an answer used. Others would make
// sums overflow, for which the books of all orgs would have to wait.
func plausible(u llm.Usage) bool {
	for _, n := range [...]int64{u.Input, u.CacheRead, u.CacheWrite, u.CacheWrite1h, u.Output, u.ReasoningOfOutput} {
		if n < 0 || n > maxTokens {
			return false
		}
	}
	return true
}

// learn has a finished answer tell how good our guess of its prompt was.
func (r *recording) learn(a *dispatch.Attempt) {
	if u := a.Metered.Usage; u.Quality == llm.QualityExact && plausible(u) && !r.t.partial {
		r.g.tokens.Learn(a.Provider, a.Model, r.t.promptSize, u.TotalInput())
	}
}

// estimate fills in what an answer that broke off must have used at least.
func (r *recording) estimate(u llm.Usage, a *dispatch.Attempt) llm.Usage {
	if u.TotalInput() == 0 {
		u.Input, _ = r.g.tokens.Of(a.Provider, a.Model, r.t.promptSize)
	}
	u.Output = max(u.Output, (a.Metered.OutputBytes+3)/4)
	u.Quality = llm.QualityEstimated
	return u
}

// total is what the turn cost; nil when any part is unknown.
func (r *recording) total() *llm.NanoUSD {
	var sum llm.NanoUSD
	for _, c := range r.charges {
		if c.Cost == nil {
			return nil
		}
		sum += *c.Cost
	}
	return &sum
}

// describe is the head of an answer by this attempt. An early one is told from a
// timer, beside the attempts.
func (r *recording) describe(a *dispatch.Attempt, early bool) Head {
	h := r.head
	h.Early = early
	if a == nil || early {
		return h
	}
	h.Provider, h.Model, h.Attempts, h.Fallback = a.Provider, a.Model, r.sent, a.Candidate > 0
	for _, d := range a.Downgrades {
		h.Downgrades = append(h.Downgrades, d.Feature)
	}
	return h
}

// output tells the caller's output of the head in the gateway's terms.
type output struct {
	Output
	rec  *recording
	call *dispatch.Call
}

// Commit sends the head.
func (o output) Commit(a *dispatch.Attempt, early bool) {
	h := o.rec.describe(a, early)
	h.BodyFree = !early && !o.call.NeedsBody()
	o.Output.Commit(h)
}
