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
)

// plan is a decision that can be carried out.
type plan struct {
	router.Decision
	cands []dispatch.Candidate // at least one
}

// plan says which models answer a call, and notes it in the turn. can, when set,
// refuses accounts that can't do what is asked. The error is an *llm.Error.
func (g *Gateway) plan(st *State, c *Call, t *Turn, needs router.Needs, can func(a *provider.Account, model string) *llm.Error) (*plan, error) {
	if n := len(c.Peeked.Model); n > maxModel {
		return nil, &llm.Error{
			Kind: llm.KindBadRequest, Status: http.StatusBadRequest, Param: "model",
			Message: fmt.Sprintf("the model's name has %d bytes: at most %d", n, maxModel),
		}
	}
	facts := &router.Facts{
		Model: c.Peeked.Model, Workload: t.Workload, Class: t.Class, Agent: t.Agent,
		Input: t.InputEstimate, Output: int64(c.Peeked.MaxOutput), Needs: needs,
		MayAccount: func(name string) bool { a := st.Accounts[name]; return a != nil && a.May(c.Caller.Org) },
		MayModel:   c.Caller.MayUseModel,
	}
	if t.Session != "" {
		facts.Stays = g.Places.At(t.Org, t.Session)
	}
	d, err := router.Plan(facts, st.Routes, router.Now{Time: t.Started, Health: conditions{g, st}})
	if err != nil {
		return nil, err
	}
	p := &plan{Decision: d, cands: make([]dispatch.Candidate, 0, len(d.Candidates)+len(d.Resort))}
	var unable *llm.Error
	all := d.Candidates
	if len(d.Resort) > 0 {
		all = slices.Concat(all, d.Resort)
	}
	for i, rc := range all {
		a := st.Accounts[rc.Account]
		if can != nil {
			if e := can(a, rc.Model); e != nil {
				unable = e
				continue
			}
		}
		cand := dispatch.Candidate{Account: a, Model: rc.Model, Resting: d.Last || i >= len(d.Candidates)}
		if e := rc.Entry; e != nil {
			cand.Context, cand.MaxOutput = e.Context, e.MaxOutput
			cand.NoVision, cand.NoPDF, cand.NoAudio = !e.Takes("image"), !e.Takes("pdf"), !e.Takes("audio")
			cand.NoTools = e.Caps.Tools != nil && !*e.Caps.Tools
		}
		p.cands = append(p.cands, cand)
	}
	if len(p.cands) == 0 {
		return nil, unable
	}
	t.Rule, t.Workload, t.Class, t.Decision = d.Rule, d.Workload, d.Class, d.Encode(st.Routes.Hash())
	t.InputEstimate, _ = g.tokens.Of(p.cands[0].Account.Name, p.cands[0].Model, t.promptSize)
	return p, nil
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
}

// shorter is the shorter of two limits, of which 0 is none.
func shorter(a, b time.Duration) time.Duration {
	if a > 0 && (b <= 0 || a < b) {
		return a
	}
	return b
}
