package chat

import (
	"slices"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Continues says whether the target goes on with a conversation as its client wrote
// it: calls and results stand together, and a model that wants its reasoning back
// finds some with each call.
func (Format) Continues(q *llm.Request, t wire.Target) bool {
	return !wire.Torn(q.Messages) && (t.Reasoning.Replay != "always" || !slices.ContainsFunc(q.Messages, func(m llm.Message) bool {
		return len(callsOf(m)) > 0 && !slices.ContainsFunc(m.Parts, func(p llm.Part) bool { _, ok := p.(llm.Reasoning); return ok })
	}))
}
