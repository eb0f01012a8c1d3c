package dispatch

import (
	"bytes"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// encodeCount is encode for a question of how many tokens a prompt has, which is
// asked in the client's own format alone.
func (r *run) encodeCount(a *Attempt, f wire.Upstream, t wire.Target) (wire.Outbound, error) {
	c, ok := f.(wire.Counter)
	if !ok || f.Name() != r.call.Client.Name() || !r.cand.Account.Counts(f.Name(), r.cand.Model) {
		return wire.Outbound{}, llm.Errorf(llm.KindNotBuilt, "%s can't be asked for the tokens of a prompt as %s", a.Provider, r.call.Client.Name())
	}
	a.Forwarded = true
	out, err := c.SpliceCount(r.call.Raw, r.call.Peeked, wire.Edits{Model: t.Model, Drop: t.Reject, Rename: t.Rename})
	out.Body = bytes.Clone(out.Body) // the client's buffer may be another request's before it is sent
	return out, err
}

// counted takes the answer as it is.
func (r *run) counted(f wire.Upstream, data []byte) *llm.Error {
	if c, ok := f.(wire.Counter); ok {
		if err := c.Counted(data); err != nil {
			return llm.AsError(err)
		}
	}
	r.outcome.Body = data
	return nil
}
