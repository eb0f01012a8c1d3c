package responses

import (
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// Continues says whether the target goes on with a conversation as its client wrote
// it: all calls have results, all results calls, ids aren't too long, and reasoning
// that is only named can lie with the target.
func (Format) Continues(q *llm.Request, _ wire.Target) bool {
	stateless := q.Store != nil && !*q.Store
	invented := func(id string) bool { return strings.ContainsRune(id, '-') } // see itemID
	for _, m := range q.Messages {
		for _, p := range m.Parts {
			if r, ok := p.(llm.Reasoning); ok && r.Blob == nil && (stateless || invented(r.ID)) {
				return false
			}
			if c, ok := p.(llm.ToolCall); ok && !wire.FitsID(c.ID, wire.ShapeResponses) {
				return false
			}
		}
	}
	if continues(q) || refers(q.Messages) {
		return true
	}
	if wire.Repeats(q.Messages) {
		return false
	}
	answered := pair(q.Messages)
	return !slices.ContainsFunc(places(q.Messages), func(at place) bool { return !answered[at] })
}

// places are where calls and results stand.
func places(messages []llm.Message) (all []place) {
	for i, m := range messages {
		for j, p := range m.Parts {
			switch p.(type) {
			case llm.ToolCall, llm.ToolResult:
				all = append(all, place{i, j})
			}
		}
	}
	return all
}
