package gemini

import (
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Continues says whether the target goes on with a conversation as its client wrote
// it: calls and results stand together, and the first call of each step is signed
// where the model asks for that.
func (Format) Continues(q *llm.Request, t wire.Target) bool {
	if wire.Torn(q.Messages) {
		return false
	}
	if !signs(t) {
		return true
	}
	for _, m := range q.Messages {
		for _, p := range m.Parts {
			if c, ok := p.(llm.ToolCall); ok {
				if c.Blob == nil {
					return false
				}
				break
			}
		}
	}
	return true
}

// signs says whether the target asks for a signature with each step's first call.
func signs(t wire.Target) bool { return t.Reasoning.Replay != "" && t.Reasoning.Control == "level" }
