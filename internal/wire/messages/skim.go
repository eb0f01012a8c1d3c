package messages

import "bytes"

// Skim says whether the conversation in a request's bytes may hold answers or
// results, and whether reasoning in them.
func (Format) Skim(body []byte) (answered, reasoned bool) {
	holds := func(s string) bool { return bytes.Contains(body, []byte(s)) }
	answered = holds(`"assistant"`) || holds(`"tool_result"`)
	return answered, answered && (holds(`"signature"`) || holds(`"redacted_thinking"`))
}
