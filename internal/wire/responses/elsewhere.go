package responses

import "github.com/oidostudio/oido/internal/llm"

// Elsewhere names what of a request's conversation only the provider has that
// stored it, and that therefore means nothing to any other: a field, or the type
// of an item. It is "" when the request says everything itself.
func (Format) Elsewhere(q *llm.Request) string {
	for _, name := range continuing {
		if v := extra(q, name); v != nil && v.Kind() != 'n' {
			return name
		}
	}
	if refers(q.Messages) {
		return "item_reference"
	}
	return ""
}
