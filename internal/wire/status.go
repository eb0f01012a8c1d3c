package wire

import (
	"net/http"
	"slices"

	"github.com/oidostudio/oido/internal/llm"
)

// statuses maps the statuses of refusals to kinds.
var statuses = map[int]llm.Kind{
	401: llm.KindAuth, 402: llm.KindQuota, 403: llm.KindPermission, 404: llm.KindNotFound, 405: llm.KindNotFound,
	408: llm.KindTimeout, 410: llm.KindNotFound, 413: llm.KindTooLarge, 429: llm.KindRateLimit, 451: llm.KindContentFilter,
	409: llm.KindUpstream, 425: llm.KindUpstream, // somebody else's lock: it goes away
	498: llm.KindOverloaded, // Groq's flex tier without capacity
	499: llm.KindUpstream,   // Google's CANCELLED: the client is still there
	503: llm.KindOverloaded, 504: llm.KindTimeout, 529: llm.KindOverloaded,
}

// KindOf is the kind of a refusal as far as its status tells.
func KindOf(status int) llm.Kind {
	if kind, ok := statuses[status]; ok {
		return kind
	}
	if status >= 400 && status < 500 {
		return llm.KindBadRequest
	}
	return llm.KindUpstream
}

// Shown is a failure as clients may see it: itself, unless a provider refused the
// operator's account. That is no fault of theirs, and what the provider says of
// the key is none of their business.
func Shown(e *llm.Error) *llm.Error {
	if e.Provider == "" {
		return e
	}
	// Google says of a wrong key with 400 that it is one.
	refused := e.Kind == llm.KindAuth || e.Kind == llm.KindPermission
	switch e.Status {
	case http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden:
		// Some vendors say with it that a prompt goes against their policy.
		refused = e.Kind != llm.KindContentFilter
	}
	if !refused {
		return e
	}
	return &llm.Error{
		Kind: llm.KindUpstream, Status: http.StatusBadGateway, Provider: e.Provider, Model: e.Model,
		Message: "the provider refuses this gateway's account; its operator can see why with `oido doctor`",
	}
}

// beyondRequests are the kinds that no other request would mend.
var beyondRequests = []llm.Kind{llm.KindAuth, llm.KindPermission, llm.KindQuota, llm.KindRateLimit, llm.KindOverloaded, llm.KindNotFound, llm.KindUpstream}

// ShownStatus is the status to show for a failure, where byKind is the one that
// the format has for its kind: our own as it was set, a provider's where it tells
// the client something that is its own affair.
func ShownStatus(e *llm.Error, byKind int) int {
	if e.Status < 400 || e.Status > 599 {
		return byKind
	}
	if e.Provider == "" || e.Status >= 500 {
		return e.Status
	}
	switch e.Status {
	case 400:
		// Some vendors say with it what is nobody's request's fault.
		if slices.Contains(beyondRequests, e.Kind) {
			return byKind
		}
		return e.Status
	case 404, 413, 422, 429:
		return e.Status
	}
	return byKind
}
