package wire

import (
	"slices"

	"github.com/oidostudio/oido/internal/llm"
)

// CacheMarked says whether the client marked prefixes to be cached. A format that
// has no such marks names them among what it left out.
func CacheMarked(q *llm.Request) bool {
	if q.Cache.Auto != nil || slices.ContainsFunc(q.Tools, func(t llm.Tool) bool { return t.Cache != nil }) {
		return true
	}
	for _, m := range q.Messages {
		for _, p := range m.Parts {
			switch p := p.(type) {
			case llm.Text:
				if p.Cache != nil {
					return true
				}
			case llm.Media:
				if p.Cache != nil {
					return true
				}
			case llm.ToolCall:
				if p.Cache != nil {
					return true
				}
			case llm.ToolResult:
				if p.Cache != nil {
					return true
				}
			}
		}
	}
	return false
}
