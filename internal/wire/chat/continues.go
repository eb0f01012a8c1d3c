package chat

import (
	"slices"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Continues says whether the target goes on with a conversation as its client wrote
// it: calls and results stand together, ids aren't too long, and a model that wants
// its reasoning back finds some with each call.
func (Format) Continues(q *llm.Request, t wire.Target) bool {
	if wire.Torn(q.Messages) {
		return false
	}
	for _, m := range q.Messages {
		calls := callsOf(m)
		if slices.ContainsFunc(calls, func(c llm.ToolCall) bool { return !wire.FitsID(c.ID, wire.ShapeChat) }) {
			return false
		}
		if t.Reasoning.Replay == "always" && len(calls) > 0 && !slices.ContainsFunc(m.Parts, isReasoning) {
			return false
		}
	}
	return true
}

func isReasoning(p llm.Part) bool {
	_, ok := p.(llm.Reasoning)
	return ok
}
