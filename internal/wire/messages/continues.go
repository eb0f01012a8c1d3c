package messages

import (
	"slices"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Continues says whether the target goes on with a conversation as its client wrote
// it: calls and results stand together, all reasoning is signed, ids are such as it takes, and a turn that
// goes on while the model thinks by a budget began with some.
func (Format) Continues(q *llm.Request, _ wire.Target) bool {
	if wire.Torn(q.Messages) {
		return false
	}
	// A turn goes on as long as each answer is followed by results, whatever the user
	// says beside them.
	goesOn, begins, said := false, true, false
	for _, m := range q.Messages {
		if m.Role == llm.RoleAssistant {
			for i, p := range m.Parts {
				r, thinks := p.(llm.Reasoning)
				c, calls := p.(llm.ToolCall)
				if thinks && (r.Blob == nil || r.Blob.Data == "") || calls && !wire.FitsID(c.ID, wire.ShapeAnthropic) {
					return false
				}
				if i == 0 && !said && !goesOn {
					begins = thinks
				}
			}
			goesOn, said = false, true
			continue
		}
		goesOn = goesOn || slices.ContainsFunc(m.Parts, isResult)
		said = said && goesOn
	}
	return !goesOn || begins || q.Reasoning.Mode != llm.ReasoningOn
}

func isResult(p llm.Part) bool {
	_, ok := p.(llm.ToolResult)
	return ok
}
