package chat

import "bytes"

// HoldsAnswers says whether the conversation in a request's bytes may hold answers.
func (Format) HoldsAnswers(body []byte) bool { return bytes.Contains(body, []byte(`"assistant"`)) }

// HoldsReasoning says whether the conversation in a request's bytes may hold reasoning, in
// a member of its own.
func (Format) HoldsReasoning(body []byte) bool {
	const member = `"reasoning`
	for {
		i := bytes.Index(body, []byte(member))
		if i < 0 {
			return false
		}
		body = body[i+len(member):]
		for _, rest := range []string{`_content"`, `_details"`, `"`} {
			if bytes.HasPrefix(body, []byte(rest)) {
				return true
			}
		}
	}
}
