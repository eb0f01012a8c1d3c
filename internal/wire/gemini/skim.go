package gemini

import "bytes"

// HoldsAnswers says whether the conversation in a request's bytes may hold answers.
func (Format) HoldsAnswers(body []byte) bool { return bytes.Contains(body, []byte(`"model"`)) }

// HoldsReasoning says whether the conversation in a request's bytes may hold reasoning.
func (Format) HoldsReasoning(body []byte) bool {
	return bytes.Contains(body, []byte(`"thoughtSignature"`)) || bytes.Contains(body, []byte(`"thought_signature"`))
}
