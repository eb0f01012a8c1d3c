package gateway

import (
	"context"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/session"
)

// Pretend is how the world is taken to be to see what would happen then.
type Pretend struct {
	Down []string  // accounts, and models as provider/model-id
	At   time.Time // zero: now
}

// Explained is what would become of a call.
type Explained struct {
	Told     router.Told
	Workload string
	Class    string
	Session  string // "": the call would begin one
	// Input is the prompt's size in tokens as far as it can be guessed, Output how
	// long the answer is taken to be.
	Input, Output int64
	At            time.Time
	Refused       *llm.Error // nil: it would be sent
}

// Explain says what would become of a call of Generate. Nothing is sent, and nothing
// kept.
func (g *Gateway) Explain(ctx context.Context, c Call, p Pretend) Explained {
	st := g.state.Load()
	t := g.turn(&c)
	if !p.At.IsZero() {
		t.Started = p.At
		there := *st
		there.Routes = router.NewRoutes(st.RoutesOf(t.Org).Policy(), st.View(), p.At)
		there.ByOrg = nil
		st = &there
	}
	x := Explained{Workload: t.Workload, Class: t.Class, At: t.Started}
	x.Told.Policy = st.RoutesOf(t.Org).Hash()
	before, err := g.previous(ctx, st, &c)
	if err != nil {
		x.Refused = llm.AsError(err)
		return x
	}
	defer before.done()
	t.Session = g.Sessions.Known(session.Request{
		Org: t.Org, KeyID: t.Key, Header: c.Labels.Session, Previous: before.session(),
		InBody: c.Peeked.Session, Format: t.Format, Body: c.Raw.Body,
	})
	now := router.Now{Time: t.Started, Health: pretended{conditions{g, st, freeNeed(&c, t)}, p}}
	d, facts, err := g.decide(ctx, st, &c, t, router.Needs{Tools: c.Peeked.HasTools}, before.can(), now)
	x.Told.Decision, x.Session, x.Input, x.Output = d.Decision, t.Session, facts.Input, facts.Answer()
	x.Workload, x.Class = d.Workload, d.Class
	if err != nil {
		x.Refused = llm.AsError(err)
	}
	return x
}

// pretended are conditions as they are taken to be.
type pretended struct {
	now conditions
	Pretend
}

// Of implements router.Health.
func (p pretended) Of(account, model string) router.Condition {
	c := p.now.Of(account, model)
	if !p.At.IsZero() && !c.Until.IsZero() && !p.At.Before(c.Until) {
		c.Resting = false
	}
	for _, name := range p.Down {
		c.Pretended = c.Pretended || name == account || name == account+"/"+model
	}
	return c
}
