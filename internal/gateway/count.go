package gateway

import (
	"context"
	"net/http"
	"time"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
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

// Count has the model's provider say how many tokens a prompt has, in the words of
// the client's format. A nil answer without an error says that nobody could be
// asked, and an estimate must do. The error is an *llm.Error of a provider that
// refuses the prompt.
func (g *Gateway) Count(ctx context.Context, c Call) ([]byte, error) {
	if _, ok := c.Format.(wire.Counter); !ok {
		return nil, nil
	}
	cand, _, err := g.choose(g.state.Load(), &c, nil)
	if err != nil || !cand.Account.Speaks(c.Format.Name()) {
		return nil, nil //nolint:nilerr // every name has an estimate
	}
	c.Peeked.Stream = false
	d := &dispatch.Call{Client: c.Format, Raw: c.Raw, Peeked: c.Peeked, Timeout: countPatience, Count: true}
	o, _ := g.Dispatcher.Run(ctx, d, cand, unrecorded{}, nil)
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
