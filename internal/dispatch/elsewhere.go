package dispatch

import (
	"net/http"

	"github.com/oidostudio/oido/internal/llm"
)

// Referrer is a format whose requests may point at what a provider has stored.
type Referrer interface {
	// Elsewhere names what is only pointed at; "" when nothing is.
	Elsewhere(*llm.Request) string
}

// complete refuses a request whose conversation lies with another provider:
// without it the answer would be one to another question.
func (r *run) complete(req *llm.Request) error {
	f, ok := r.call.Client.(Referrer)
	if !ok {
		return nil
	}
	what := f.Elsewhere(req)
	if what == "" {
		return nil
	}
	return &llm.Error{
		Kind: llm.KindNotBuilt, Status: http.StatusNotImplemented, Param: what,
		Message: what + " points at what another provider has stored, and reading that is not built yet: send the whole conversation, or go on by previous_response_id",
	}
}
