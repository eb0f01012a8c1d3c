package gateway

import (
	"slices"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/quota"
	"github.com/oidostudio/oido/internal/router"
)

// usualOutput is how many tokens an answer is taken to have at most, as far as what
// is free is counted: clients ask for much more room than their answers need.
const usualOutput = 1024

// freeNeed is about how many tokens a call will use.
func freeNeed(c *Call, t *Turn) int64 {
	if n := int64(c.Peeked.MaxOutput); n > 0 {
		return t.InputEstimate + min(n, usualOutput)
	}
	return t.InputEstimate + usualOutput
}

// quotaAt is how much is free of a model at an account; nil: nothing, or nobody
// knows.
func (st *State) quotaAt(account, model string) *catalog.Quota {
	if e := st.View().Lookup(account, model); e != nil {
		return e.Quota
	}
	return nil
}

// free counts what attempts of a turn use of what is free.
type free struct {
	need   int64 // tokens
	counts []counted
	taken  []counted // before their attempts
}

// counted is an attempt that is counted, or will be.
type counted struct {
	number int
	at     quota.Place
	quota  *catalog.Quota
	ticket quota.Ticket
}

// admit has a plan's candidates pass that are preferred for being free where too
// little of that is left by the time that they are asked, as long as another one
// comes after them.
func (r *recording) admit(p *plan) {
	if r.g.Quotas == nil || p.Prefer != router.PreferFree {
		return
	}
	later := func(name string) bool {
		return slices.ContainsFunc(p.Later, func(x router.Exclusion) bool { return x.Name == name })
	}
	other := false // one comes after it that is not used up
	for i := len(p.cands) - 1; i >= 0; i-- {
		cand := &p.cands[i]
		at := quota.Place{Account: cand.Account.Name, Model: cand.Model}
		if later(at.Account + "/" + at.Model) {
			continue
		}
		if q := r.st.quotaAt(at.Account, at.Model); q != nil && other {
			cand.Admit = func() bool { return r.take(at, q) }
		}
		other = true
	}
}

// take counts an attempt that is about to be made, unless too little is left.
func (r *recording) take(at quota.Place, q *catalog.Quota) bool {
	if slices.ContainsFunc(r.free.taken, func(c counted) bool { return c.at == at }) {
		return true
	}
	tk, ok := r.g.Quotas.Take(at, q, r.free.need)
	if ok {
		r.free.taken = append(r.free.taken, counted{at: at, quota: q, ticket: tk})
	}
	return ok
}

// opened counts an attempt that is about to be sent.
func (r *recording) opened(a *dispatch.Attempt) {
	if r.g.Quotas == nil {
		return
	}
	at := quota.Place{Account: a.Provider, Model: a.Model}
	if i := slices.IndexFunc(r.free.taken, func(c counted) bool { return c.at == at }); i >= 0 {
		c := r.free.taken[i]
		c.number = a.Number
		r.free.taken = slices.Delete(r.free.taken, i, i+1)
		r.free.counts = append(r.free.counts, c)
		return
	}
	if q := r.st.quotaAt(at.Account, at.Model); q != nil {
		r.free.counts = append(r.free.counts, counted{a.Number, at, q, r.g.Quotas.Open(at, q, r.free.need)})
	}
}

// closed tells how an attempt ended.
func (r *recording) closed(a *dispatch.Attempt, used llm.Usage) {
	for _, c := range r.free.counts {
		if c.number == a.Number {
			r.g.Quotas.Close(c.ticket, c.quota, quota.Result{
				Tokens: used.TotalInput() + used.Output, Err: a.Err, Limits: provider.LimitsIn(a.Header, r.g.Now()),
			})
		}
	}
}

// unused gives back what was counted for attempts that were never made.
func (r *recording) unused() {
	for _, c := range r.free.taken {
		r.g.Quotas.Close(c.ticket, c.quota, quota.Result{Unsent: true})
	}
	r.free.taken = nil
}
