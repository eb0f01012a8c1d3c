package sim

import (
	"fmt"
	"net/http"
)

// kind is why a provider refuses, whatever it calls it.
type kind int

const (
	invalid kind = iota
	unauthenticated
	unpaid
	forbidden
	notFound
	tooLarge
	rateLimited
	outOfQuota
	tooLong
	broken
	overloaded
)

// failure is an answer that is no answer. Each format writes it in its own shape.
type failure struct {
	status     int
	kind       kind
	message    string
	param      string // the field at fault, in the vendor's notation
	code       string // OpenAI's machine-readable reason
	retryAfter int    // seconds; 0 says nothing
}

// scripted is the failure that a status in a model's name asks for.
func scripted(status int) *failure {
	f := &failure{status: status}
	switch status {
	case http.StatusBadRequest:
		f.kind, f.message = invalid, "The request was refused by the script."
	case http.StatusUnauthorized:
		f.kind, f.code, f.message = unauthenticated, "invalid_api_key", "Incorrect API key provided."
	case http.StatusPaymentRequired:
		f.kind, f.message = unpaid, "Insufficient Balance"
	case http.StatusForbidden:
		f.kind, f.message = forbidden, "You have insufficient permissions for this operation."
	case http.StatusNotFound:
		f.kind, f.code, f.message = notFound, "model_not_found", "The model does not exist or you do not have access to it."
	case http.StatusRequestEntityTooLarge:
		f.kind, f.message = tooLarge, "Request exceeds the maximum size"
	case http.StatusTooManyRequests:
		f.kind, f.code, f.message = rateLimited, "rate_limit_exceeded", "Rate limit reached. Please try again later."
	case http.StatusServiceUnavailable, 529:
		f.kind, f.message = overloaded, "Overloaded"
	default:
		f.kind, f.message = invalid, http.StatusText(status)
		if status >= 500 {
			f.kind, f.message = broken, "The server had an error while processing your request."
		}
	}
	return f
}

// unknownModel is the refusal of a model that isn't served here.
func unknownModel(model string) *failure {
	return &failure{
		status: http.StatusNotFound, kind: notFound, param: "model", code: "model_not_found",
		message: fmt.Sprintf("The model `%s` does not exist or you do not have access to it.", model),
	}
}

// refuse makes a failure of what is wrong with a request.
func refuse(param, code, text string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, kind: invalid, param: param, code: code, message: fmt.Sprintf(text, args...)}
}
