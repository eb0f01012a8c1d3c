package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/tokens"
	"github.com/oidostudio/oido/internal/wire"
)

// countPatience is how long a provider may take to count: clients count before
// they ask, and an estimate at once is of more use to them.
const countPatience = 10 * time.Second

// unrecorded keeps no books: to count tokens is no turn.
type unrecorded struct{}

func (unrecorded) Open(*dispatch.Attempt) error { return nil }
func (unrecorded) Close(*dispatch.Attempt)      {}
func (unrecorded) Done(*dispatch.Outcome)       {}

// Counted is how many tokens a prompt has.
type Counted struct {
	// Body is what the provider counted, in the words of the client's format; nil
	// where nobody could be asked.
	Body []byte
	// Estimate is what we guess then.
	Estimate int64
}

// Count has the model's provider say how many tokens a prompt has. Where that can't
// be asked, or doesn't answer, the prompt is guessed at, by what the provider has
// counted in others. The error is an *llm.Error of a provider that refuses the prompt.
func (g *Gateway) Count(ctx context.Context, c Call) (Counted, error) {
	p, err := g.plan(ctx, g.state.Load(), &c, g.turn(&c), router.Needs{}, nil)
	if err != nil {
		return Counted{Estimate: rough(c.Raw.Body)}, nil //nolint:nilerr // every name has an estimate
	}
	cand := p.cands[0]
	body, err := g.asked(ctx, c, cand)
	if body != nil || err != nil {
		return Counted{Body: body}, err
	}
	n, learned := g.tokens.Of(cand.Account.Name, cand.Model, tokens.Size(c.Raw.Body))
	if !learned {
		n = rough(c.Raw.Body)
	}
	return Counted{Estimate: n}, nil
}

// rough is what a prompt is guessed to have where nothing is known of the model.
// Nobody waits for it, so that it goes by the prompt's script.
func rough(body []byte) int64 {
	return llm.EstimateTokens(string(body)) - int64(len(body)-tokens.Size(body))/4
}

// asked is what the provider counts; nil where it doesn't.
func (g *Gateway) asked(ctx context.Context, c Call, cand dispatch.Candidate) ([]byte, error) {
	c.Peeked.Stream = false
	d := &dispatch.Call{Client: c.Format, Raw: c.Raw, Peeked: c.Peeked, Timeout: countPatience, Count: true}
	o, _ := g.Dispatcher.Run(ctx, d, []dispatch.Candidate{cand}, unrecorded{}, nil)
	if o.Err == nil {
		return o.Body, nil
	}
	switch o.Err.Status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		if e := wire.Shown(o.Err); e == o.Err && e.Kind != llm.KindAuth {
			return nil, e
		}
	}
	return nil, nil
}
