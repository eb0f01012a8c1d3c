package llm

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Error is a failure to answer, the provider's or our own, in neutral terms.
// Retry, failover and the client's status code are decided by Kind alone.
type Error struct {
	Kind Kind
	// Status is the HTTP status that it came with; 0 when it did not come by HTTP
	// or came inside a 200 stream.
	Status int
	// Message is for people: what happened, to what. It holds no secret.
	Message string
	// Code and Type are the vendor's own words ("context_length_exceeded",
	// "overloaded_error"); "" when there are none.
	Code, Type string
	// Param names the request field at fault, when known.
	Param string
	// RetryAfter is how long the provider asks to wait; 0 when it doesn't say.
	RetryAfter time.Duration
	// Provider and Model say who failed; empty for our own refusals.
	Provider, Model string
	// Raw is the provider's body, cut to a few KiB, for a client of its own format.
	Raw []byte
	// Err is the cause, when there is one in Go.
	Err error
}

// Error says what happened and to whom.
func (e *Error) Error() string {
	s := e.Message
	if s == "" {
		s = string(e.Kind)
	}
	if e.Provider != "" {
		s = e.Provider + ": " + s
	}
	if e.Err != nil {
		if cause := e.Err.Error(); cause != "" {
			s += ": " + cause
		}
	}
	return s
}

// MissesModel says whether a provider doesn't have the model: other things that a
// request names, like a file, may be missing too, or the address.
func (e *Error) MissesModel(model string) bool {
	return e.Kind == KindNotFound && (e.Code == "model_not_found" || model != "" && strings.Contains(e.Message, model))
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of a kind with a formatted message. A %w argument
// becomes the cause.
func Errorf(k Kind, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: k, Message: err.Error(), Err: nonText(errors.Unwrap(err))}
}

// nonText keeps a cause reachable for errors.As without printing it twice.
func nonText(err error) error {
	if err == nil {
		return nil
	}
	return silent{err}
}

type silent struct{ err error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.err }

// AsError returns err as an *Error: itself when it is one, else an
// upstream error that wraps it. It returns nil for nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Kind: KindUpstream, Message: err.Error(), Err: silent{err}}
}

// Kind classes failures by what may be done about them.
type Kind string

// The kinds. "Transient" ones may succeed when tried again, here or elsewhere.
const (
	KindBadRequest    Kind = "bad_request"    // the request is at fault; no retry
	KindAuth          Kind = "auth"           // the provider refuses our key
	KindPermission    Kind = "permission"     // the key may not do this
	KindNotFound      Kind = "not_found"      // no such model or object
	KindTooLarge      Kind = "too_large"      // the body is too big
	KindContextLength Kind = "context_length" // the prompt exceeds the model's window
	KindRateLimit     Kind = "rate_limit"     // transient: wait RetryAfter
	KindQuota         Kind = "quota"          // money or daily allowance is used up: waiting a little does not help
	KindOverloaded    Kind = "overloaded"     // transient: the provider has no capacity
	KindUpstream      Kind = "upstream"       // transient: the provider failed or spoke nonsense
	KindTimeout       Kind = "timeout"        // transient: too slow
	KindTruncated     Kind = "truncated"      // the answer broke off
	KindContentFilter Kind = "content_filter" // the provider's policy forbids it
	KindCanceled      Kind = "canceled"       // the client left
	KindReasoning     Kind = "reasoning"      // the provider refuses a reasoning blob: once more without
	KindUnavailable   Kind = "unavailable"    // nothing can serve this now
	KindNotBuilt      Kind = "not_built"      // accepted by the contract, not there yet
	KindConflict      Kind = "conflict"       // clashes with something going on
	KindUseless       Kind = "useless"        // an answer came that is of no use; nobody has seen it
)
