package gateway

import (
	"context"
	"net/http"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/session"
)

// Embed has a model make vectors of texts. The answer is in the exchange, which
// is a turn like any other; the error is as with Generate. A turn of embeddings
// belongs to a session only where the client names one.
func (g *Gateway) Embed(ctx context.Context, c Call) (*Exchange, error) {
	st := g.state.Load()
	t := g.turn(&c)
	if t.Session = c.Labels.Session; t.Session != "" {
		t.SessionSource = session.SourceHeader
	}
	p, err := g.plan(st, &c, t, router.Needs{Embed: true}, func(a *provider.Account, model string) *llm.Error {
		if _, ok := a.EmbedFormat(c.Format.Name(), model); ok {
			return nil
		}
		return &llm.Error{
			Kind: llm.KindBadRequest, Status: http.StatusBadRequest, Param: "model",
			Message: "the provider " + a.Name + " has no embeddings of this model: name one that has",
		}
	})
	if err != nil {
		return nil, err
	}
	d := &dispatch.Call{Client: c.Format, Raw: c.Raw, Peeked: c.Peeked, Session: t.Session, AnswerID: t.ID, Timeout: shorter(c.Timeout, p.Timeout), FirstByte: p.FirstByte, Idle: p.Idle, Attempts: p.Attempts, Embed: true}
	return g.run(ctx, d, p.cands, g.recording(t, st), nil)
}
