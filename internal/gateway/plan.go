package gateway

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/quota"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/wire"
)

// plan is a decision that can be carried out.
type plan struct {
	router.Decision
	cands []dispatch.Candidate // at least one
	// work is the kind of work of the session that this is, "" for what is done
	// wherever the session is; from is where that was when the plan was made.
	work string
	from seat
}

// workOf tells a session's kinds of work apart, by what the client asks for;
// inherits says that it is done wherever the session is.
func workOf(st *State, t *Turn) (work string, inherits bool) {
	work = t.RequestedModel
	switch {
	case work != "auto":
	case t.Workload != "":
		work = "workload/" + t.Workload
	case t.Class != "":
		work = "class/" + t.Class
	}
	if name, ok := strings.CutPrefix(work, "workload/"); ok {
		w, _ := st.RoutesOf(t.Org).Workload(name)
		inherits = w.Inherit
	}
	return work, inherits
}

// plan says which models answer a call, and notes it in the turn. can, when set,
// refuses accounts that can't do what is asked. The error is an *llm.Error.
func (g *Gateway) plan(ctx context.Context, st *State, c *Call, t *Turn, needs router.Needs, can func(a *provider.Account, model string) *llm.Error) (*plan, error) {
	p, facts, err := g.decide(ctx, st, c, t, needs, can, router.Now{Time: t.Started, Health: conditions{g, st, freeNeed(c, t)}})
	if err != nil {
		return nil, err
	}
	d := &p.Decision
	p.cands = make([]dispatch.Candidate, 0, len(d.Candidates)+len(d.Resort)+len(d.Up))
	for _, rc := range d.Candidates {
		p.add(st, rc, dispatch.Candidate{Resting: d.Last})
	}
	for _, rc := range d.Resort {
		p.add(st, rc, dispatch.Candidate{Resting: true})
	}
	for _, rc := range d.Up {
		p.add(st, rc, dispatch.Candidate{Resting: d.Last, Up: true})
	}
	if t.Session != "" && d.Task != facts.Task {
		g.Tasks.Put(t.Org, t.Session, p.work, d.Task)
	}
	t.Rule, t.Workload, t.Class, t.Decision = d.Rule, d.Workload, d.Class, d.Encode(st.RoutesOf(c.Caller.Org).Hash())
	t.InputEstimate, _ = g.tokens.Of(p.cands[0].Account.Name, p.cands[0].Model, t.promptSize)
	return p, nil
}

// add has a model asked after those that were added before, as cand says.
func (p *plan) add(st *State, rc router.Candidate, cand dispatch.Candidate) {
	cand.Account, cand.Model = st.Accounts[rc.Account], rc.Model
	if p.from.place == (router.Place{Account: rc.Account, Model: rc.Model}) {
		cand.KeyHint = p.from.key
	}
	if e := rc.Entry; e != nil {
		cand.Context, cand.MaxOutput = e.Context, e.MaxOutput
		cand.NoVision, cand.NoPDF, cand.NoAudio = !e.Takes("image"), !e.Takes("pdf"), !e.Takes("audio")
		cand.NoTools = e.Caps.Tools != nil && !*e.Caps.Tools
	}
	p.cands = append(p.cands, cand)
}

// decide is the one way to choose models for a call, whether it is sent or only
// explained. It changes nothing. Beside an error there is what is known of the
// decision: what speaks against whom.
func (g *Gateway) decide(ctx context.Context, st *State, c *Call, t *Turn, needs router.Needs, can func(a *provider.Account, model string) *llm.Error, now router.Now) (*plan, *router.Facts, error) {
	p := &plan{}
	facts := &router.Facts{
		Model: c.Peeked.Model, Workload: t.Workload, Class: t.Class, Agent: t.Agent,
		User: t.User, Purpose: t.Purpose, Format: t.Format, Stream: t.Stream,
		Input: t.InputEstimate, Output: int64(c.Peeked.MaxOutput), Needs: needs,
		MayAccount: st.May(c.Caller.Org),
		MayModel:   c.Caller.MayUseModel,
	}
	if n := len(c.Peeked.Model); n > maxModel {
		return p, facts, &llm.Error{
			Kind: llm.KindBadRequest, Status: http.StatusBadRequest, Param: "model",
			Message: fmt.Sprintf("the model's name has %d bytes: at most %d", n, maxModel),
		}
	}
	if t.Session != "" {
		if work, inherits := workOf(st, t); !inherits {
			p.work = work
		}
		p.from, facts.Cold = g.Places.at(t.Org, t.Session, p.work)
		facts.Stays, facts.Task = p.from.place, g.Tasks.Of(t.Org, t.Session, p.work)
		facts.Chosen = func() router.Place { return g.chosen(ctx, t) }
	}
	if f, ok := c.Format.(wire.Surveyor); ok && !needs.Embed {
		facts.Survey = func() wire.Survey {
			s, err := f.Survey(c.Raw.Body)
			if err != nil {
				return wire.Survey{} // whoever decodes it refuses it in words
			}
			return s
		}
	}
	var err error
	d := &p.Decision
	if *d, err = router.Plan(facts, st.RoutesOf(c.Caller.Org), now); err != nil || can == nil {
		return p, facts, err
	}
	var unable *llm.Error
	cant := func(rc router.Candidate) bool {
		e := can(st.Accounts[rc.Account], rc.Model)
		if e != nil {
			unable = e
			d.Excluded = slices.DeleteFunc(d.Excluded, func(x router.Exclusion) bool { return x.Name == rc.Name() })
			d.Excluded = append(d.Excluded, router.Exclusion{Name: rc.Name(), Reason: router.ReasonUnable, Detail: e.Message})
		}
		return e != nil
	}
	d.Candidates, d.Resort = slices.DeleteFunc(d.Candidates, cant), slices.DeleteFunc(d.Resort, cant)
	d.Up = slices.DeleteFunc(d.Up, func(rc router.Candidate) bool { return can(st.Accounts[rc.Account], rc.Model) != nil })
	if len(d.Candidates) == 0 { // what rests is of more use than a refusal
		d.Candidates, d.Resort, d.Last = d.Resort, nil, true
		d.Excluded = slices.DeleteFunc(d.Excluded, func(x router.Exclusion) bool { return x.Reason == router.ReasonResting })
	}
	if len(d.Candidates) == 0 {
		return p, facts, unable
	}
	return p, facts, nil
}

// conditions are how models do now.
type conditions struct {
	g  *Gateway
	st *State
	// need is about how many tokens the request will use of what is free.
	need int64
}

// Of implements router.Health.
func (c conditions) Of(account, model string) router.Condition {
	a := c.st.Accounts[account]
	if a == nil {
		return router.Condition{}
	}
	var out router.Condition
	if h := c.g.Dispatcher.Health; h != nil {
		out = h.Of(account, model, a.Hints())
	}
	if c.g.Quotas != nil {
		if q := c.st.quotaAt(account, model); q != nil {
			out.Dry, out.Kept = c.g.Quotas.State(quota.Place{Account: account, Model: model}, q, c.need)
		}
	}
	return out
}

// chosen is the model that a session's user chose for it. A session that begins has
// none.
func (g *Gateway) chosen(ctx context.Context, t *Turn) router.Place {
	if g.Choices == nil || t.fresh {
		return router.Place{}
	}
	c := g.Choices.Soon(ctx, t.Org, t.User, t.Session)
	if c == nil {
		return router.Place{}
	}
	return router.Place{Account: c.Account, Model: c.Model}
}

// settle has the turn's session stay where it was answered, and on the model that
// its user named.
func (g *Gateway) settle(ctx context.Context, t *Turn, st *State, p *plan, o *dispatch.Outcome) {
	if t.Session == "" {
		return
	}
	last := o.Last()
	s := seat{
		work: g.Places.kindOf(p.work), spot: spot{router.Place{Account: last.Provider, Model: last.Model}, last.KeyHint},
		input: max(last.Metered.Usage.TotalInput(), 1), warm: warm,
	}
	if a := st.Accounts[last.Provider]; a != nil {
		s.warm = cmp.Or(a.CacheLifetime(last.Model), warm)
	}
	if last.Metered.Usage.CacheWrite1h > 0 || last.Metered.Usage.CacheRead > 0 && p.from.place == s.place && p.from.warm == warmPaid {
		s.warm = max(s.warm, warmPaid)
	}
	switch {
	case p.work != "":
	case p.from.work == 0: // nothing was there to inherit
		s.work = g.Places.kindOf("workload/" + t.Workload)
	default:
		s.work, s.input = p.from.work, p.from.input
	}
	if p.work != "" || p.from.work == 0 || p.from.place == s.place { // what only inherits its place moves nothing
		g.Places.settle(t.Org, t.Session, s)
	}
	if g.Choices != nil && (p.Switched || p.Chosen) {
		g.Choices.Choose(ctx, t.Org, t.User, t.Session, p.Choice.Account, p.Choice.Model, t.User)
	}
	task := p.Task
	if p.cands[last.Candidate].Up {
		task.Escalated = router.OnFailure
	}
	if task.Failed = o.Useless != ""; task != p.Task {
		g.Tasks.Put(t.Org, t.Session, p.work, task)
	}
}

// shorter is the shorter of two limits, of which 0 is none.
func shorter(a, b time.Duration) time.Duration {
	if a > 0 && (b <= 0 || a < b) {
		return a
	}
	return b
}
