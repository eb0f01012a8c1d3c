package dispatch

import (
	"bytes"
	"fmt"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// embedRequest decodes the client's request for embeddings, once.
func (c *Call) embedRequest() (*llm.EmbedRequest, error) {
	c.once.Do(func() {
		f, ok := c.Client.(wire.Embedder)
		if !ok {
			c.err = llm.Errorf(llm.KindNotBuilt, "the format %s has no embeddings", c.Client.Name())
			return
		}
		c.embed, c.err = f.DecodeEmbed(c.Raw)
	})
	return c.embed, c.err
}

// embedder is the side of a format that embeds.
func (r *run) embedder(a *Attempt, f wire.Upstream) (wire.Embedder, error) {
	e, ok := f.(wire.Embedder)
	if !ok {
		return nil, llm.Errorf(llm.KindNotBuilt, "%s can't be asked for embeddings as %s", a.Provider, f.Name())
	}
	return e, nil
}

// encodeEmbed is encode for embeddings.
func (r *run) encodeEmbed(a *Attempt, f wire.Upstream, t wire.Target) (wire.Outbound, error) {
	upstream, err := r.embedder(a, f)
	if err != nil {
		return wire.Outbound{}, err
	}
	if f.Name() == r.call.Client.Name() && t.Embed.Plain() {
		a.Forwarded = true
		out, err := upstream.SpliceEmbed(r.call.Raw, r.call.Peeked, wire.Edits{Model: t.Model})
		out.Body = bytes.Clone(out.Body) // the client's buffer may be another request's before it is sent
		return out, err
	}
	q, err := r.call.embedRequest()
	if err != nil {
		return wire.Outbound{}, err
	}
	out, downgrades, err := upstream.EncodeEmbed(q, t)
	a.Downgrades = downgrades
	return out, err
}

// embedded takes a whole answer with embeddings: as it is where the client speaks
// its format, else in the client's. What the provider doesn't count is estimated.
func (r *run) embedded(a *Attempt, f wire.Upstream, data []byte) *llm.Error {
	upstream, err := r.embedder(a, f)
	if err != nil {
		return llm.AsError(err)
	}
	if a.Forwarded {
		var e *llm.Error
		a.Metered, e = upstream.EmbeddingUsage(data)
		if e == nil {
			r.estimateEmbed(&a.Metered.Usage)
			r.outcome.Body = data
		}
		return e
	}
	answer, err := upstream.DecodeEmbedding(data)
	if err != nil {
		return llm.AsError(err)
	}
	q, err := r.call.embedRequest()
	if err != nil {
		return llm.AsError(err)
	}
	a.Metered = wire.Metered{Model: answer.Model, Complete: true}
	if err := fits(answer, q); err != nil {
		return llm.Errorf(llm.KindUpstream, "the provider's embeddings are of no use: %w", err)
	}
	r.estimateEmbed(&answer.Usage)
	a.Metered.Usage = answer.Usage
	if answer.Model == "" {
		answer.Model = a.Model
	}
	client, err := r.embedder(a, r.call.Client)
	if err != nil {
		return llm.AsError(err)
	}
	if r.outcome.Body, err = client.EncodeEmbedding(answer, q); err != nil {
		return llm.AsError(err)
	}
	return nil
}

// fits says what is wrong with an answer: clients take the vectors by their place.
func fits(e *llm.Embedding, q *llm.EmbedRequest) error {
	if len(e.Vectors) != len(q.Inputs) {
		return fmt.Errorf("%d for %d inputs", len(e.Vectors), len(q.Inputs))
	}
	for i, v := range e.Vectors {
		if len(v) == 0 {
			return fmt.Errorf("that of input %d is empty", i)
		}
	}
	return nil
}

// estimateEmbed guesses what the provider didn't count.
func (r *run) estimateEmbed(u *llm.Usage) {
	if u.Quality != llm.QualityUnknown {
		return
	}
	if q, err := r.call.embedRequest(); err == nil {
		u.Input, u.Quality = q.EstimateTokens(), llm.QualityEstimated
	}
}
