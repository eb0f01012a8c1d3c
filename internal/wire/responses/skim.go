package responses

import "bytes"

// Skim says whether the conversation in a request's bytes may hold answers or
// results, which isn't looked for, and whether reasoning in them.
func (Format) Skim(body []byte) (answered, reasoned bool) {
	return true, bytes.Contains(body, []byte(`"encrypted_content"`)) || bytes.Contains(body, []byte(`"rs_`))
}
