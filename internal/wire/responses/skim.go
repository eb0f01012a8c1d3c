package responses

import "bytes"

// HoldsAnswers says whether the conversation in a request's bytes may hold answers: they
// come as items of many types, and by the ids of earlier ones.
func (Format) HoldsAnswers([]byte) bool { return true }

// HoldsReasoning says whether the conversation in a request's bytes may hold reasoning.
func (Format) HoldsReasoning(body []byte) bool {
	return bytes.Contains(body, []byte(`"encrypted_content"`)) || bytes.Contains(body, []byte(`"rs_`))
}
