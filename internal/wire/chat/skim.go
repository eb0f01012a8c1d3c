package chat

import (
	"bytes"
	"slices"
)

// Skim says whether the conversation in a request's bytes may hold answers or
// results, and whether reasoning in them.
func (Format) Skim(body []byte) (answered, reasoned bool) {
	holds := func(s string) bool { return bytes.Contains(body, []byte(s)) }
	answered = holds(`"assistant"`) || holds(`"tool"`)
	return answered, answered && slices.ContainsFunc(reasons, holds)
}

// reasons are the members in which vendors tell what their models thought.
var reasons = []string{`"reasoning_content"`, `"reasoning_details"`, `"reasoning"`, `"thinking"`}
