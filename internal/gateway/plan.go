package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/wire"
)

// plan is a decision that can be carried out.
type plan struct {
	router.Decision
	cands []dispatch.Candidate // at least one
}

// plan says which models answer a call, and notes it in the turn. can, when set,
// refuses accounts that can't do what is asked. The error is an *llm.Error.
func (g *Gateway) plan(st *State, c *Call, t *Turn, needs router.Needs, can func(a *provider.Account, model string) *llm.Error) (*plan, error) {
	d, facts, err := g.decide(st, c, t, needs, can, router.Now{Time: t.Started, Health: conditions{g, st}})
	if err != nil {
		return nil, err
	}
	p := &plan{Decision: d, cands: make([]dispatch.Candidate, 0, len(d.Candidates))}
	for i, rc := range slices.Concat(d.Candidates, d.Up) {
		cand := dispatch.Candidate{Account: st.Accounts[rc.Account], Model: rc.Model, Up: i >= len(d.Candidates), Resting: d.Last}
		if e := rc.Entry; e != nil {
			cand.Context, cand.MaxOutput = e.Context, e.MaxOutput
			cand.NoVision, cand.NoPDF, cand.NoAudio = !e.Takes("image"), !e.Takes("pdf"), !e.Takes("audio")
			cand.NoTools = e.Caps.Tools != nil && !*e.Caps.Tools
		}
		p.cands = append(p.cands, cand)
	}
	if t.Session != "" && d.Task != facts.Task {
		g.Tasks.Put(t.Org, t.Session, d.Task)
	}
	t.Rule, t.Workload, t.Class, t.Decision = d.Rule, d.Workload, d.Class, d.Encode(st.Routes.Hash())
	t.InputEstimate, _ = g.tokens.Of(p.cands[0].Account.Name, p.cands[0].Model, t.promptSize)
	return p, nil
}

// decide is the one way to choose models for a call, whether it is sent or only
// explained. It changes nothing. Beside an error there is what is known of the
// decision: what speaks against whom.
func (g *Gateway) decide(st *State, c *Call, t *Turn, needs router.Needs, can func(a *provider.Account, model string) *llm.Error, now router.Now) (router.Decision, *router.Facts, error) {
	facts := &router.Facts{
		Model: c.Peeked.Model, Workload: t.Workload, Class: t.Class, Agent: t.Agent,
		Input: t.InputEstimate, Output: int64(c.Peeked.MaxOutput), Needs: needs,
		MayAccount: func(name string) bool { a := st.Accounts[name]; return a != nil && a.May(c.Caller.Org) },
		MayModel:   c.Caller.MayUseModel,
	}
	if n := len(c.Peeked.Model); n > maxModel {
		return router.Decision{}, facts, &llm.Error{
			Kind: llm.KindBadRequest, Status: http.StatusBadRequest, Param: "model",
			Message: fmt.Sprintf("the model's name has %d bytes: at most %d", n, maxModel),
		}
	}
	if t.Session != "" {
		facts.Stays, facts.Task = g.Places.At(t.Org, t.Session), g.Tasks.Of(t.Org, t.Session)
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
	d, err := router.Plan(facts, st.Routes, now)
	if err != nil || can == nil {
		return d, facts, err
	}
	able := make([]router.Candidate, 0, len(d.Candidates))
	var unable *llm.Error
	for _, rc := range d.Candidates {
		if e := can(st.Accounts[rc.Account], rc.Model); e != nil {
			unable = e
			d.Excluded = append(d.Excluded, router.Exclusion{Name: rc.Name(), Reason: router.ReasonUnable, Detail: e.Message})
			continue
		}
		able = append(able, rc)
	}
	if d.Candidates = able; len(able) == 0 {
		return d, facts, unable
	}
	d.Up = slices.DeleteFunc(d.Up, func(rc router.Candidate) bool { return can(st.Accounts[rc.Account], rc.Model) != nil })
	return d, facts, nil
}

// conditions are how models do now.
type conditions struct {
	g  *Gateway
	st *State
}

// Of implements router.Health.
func (c conditions) Of(account, model string) router.Condition {
	a := c.st.Accounts[account]
	if a == nil || c.g.Dispatcher.Health == nil {
		return router.Condition{}
	}
	return c.g.Dispatcher.Health.Of(account, model, a.Hints())
}

// settle has the turn's session stay where it was answered.
func (g *Gateway) settle(t *Turn, p *plan, o *dispatch.Outcome) {
	if t.Session == "" {
		return
	}
	last := o.Last()
	g.Places.Settle(t.Org, t.Session, router.Place{Account: last.Provider, Model: last.Model, Chosen: p.Switched})
	task := p.Task
	if p.cands[last.Candidate].Up {
		task.Escalated = router.OnFailure
	}
	if task.Failed = o.Useless != ""; task != p.Task {
		g.Tasks.Put(t.Org, t.Session, task)
	}
}

// shorter is the shorter of two limits, of which 0 is none.
func shorter(a, b time.Duration) time.Duration {
	if a > 0 && (b <= 0 || a < b) {
		return a
	}
	return b
}
