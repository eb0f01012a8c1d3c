package sim

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// anthropicVoice complains as Anthropic's Messages API does.
type anthropicVoice struct{}

func (anthropicVoice) join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

func (v anthropicVoice) item(at string, i int) string { return v.join(at, strconv.Itoa(i)) }

func (anthropicVoice) same(name string) string { return name }

func (v anthropicVoice) unknown(at, name string) *failure {
	return refuse("", "", "%s: Extra inputs are not permitted", v.join(at, name))
}

func (anthropicVoice) missing(at string) *failure { return refuse("", "", "%s: Field required", at) }

func (anthropicVoice) mistyped(at, want string, _ any) *failure {
	names := map[string]string{"object": "dictionary", "array": "list"}
	if name, ok := names[want]; ok {
		want = name
	}
	return refuse("", "", "%s: Input should be a valid %s", at, want)
}

func (anthropicVoice) outOfRange(at string, got, lo, hi float64) *failure {
	if got < lo {
		return refuse("", "", "%s: Input should be greater than or equal to %v", at, lo)
	}
	return refuse("", "", "%s: Input should be less than or equal to %v", at, hi)
}

func (anthropicVoice) notAmong(at, _ string, allowed []string) *failure {
	return refuse("", "", "%s: Input should be '%s'", at, strings.Join(allowed, "', '"))
}

func (anthropicVoice) malformed(at, pattern string) *failure {
	return refuse("", "", "%s: String should match pattern '%s'", at, pattern)
}

// anthropicDetails name a reason beside the type of an error.
type anthropicDetails struct {
	ErrorCode string `json:"error_code"`
}

// anthropicError is the object that says what went wrong.
type anthropicError struct {
	Type    string            `json:"type"`
	Message string            `json:"message"`
	Details *anthropicDetails `json:"details,omitzero"`
}

// explain puts a failure into Anthropic's words.
func (messagesFormat) explain(f *failure) anthropicError {
	types := map[kind]string{
		unauthenticated: "authentication_error", unpaid: "billing_error", forbidden: "permission_error", notFound: "not_found_error",
		tooLarge: "request_too_large", rateLimited: "rate_limit_error", outOfQuota: "rate_limit_error",
		broken: "api_error", overloaded: "overloaded_error",
	}
	e := anthropicError{Type: "invalid_request_error", Message: f.message}
	if name, ok := types[f.kind]; ok {
		e.Type = name
	}
	switch f.kind {
	case unauthenticated:
		e.Message = "invalid x-api-key"
	case unpaid:
		e.Message = "Your credit balance is too low to access the Anthropic API."
	case notFound:
		if name, ok := strings.CutPrefix(f.message, "The model `"); ok {
			name, _, _ = strings.Cut(name, "`")
			e.Message = "model: " + name
		}
	case outOfQuota:
		e.Message = "This request would exceed the spend limit of your organization."
		e.Details = &anthropicDetails{"enforced_spend_limit_reached"}
		if f.status == http.StatusPaymentRequired {
			e.Type, e.Details = "billing_error", nil
		}
	case tooLong:
		e.Message = "prompt is too long: 210000 tokens > 200000 maximum"
	}
	return e
}

func (m messagesFormat) refusal(x *exchange, f *failure) []byte {
	return encode(struct {
		Type      string         `json:"type"`
		Error     anthropicError `json:"error"`
		RequestID string         `json:"request_id"`
	}{"error", m.explain(f), x.w.Header().Get("Request-Id")})
}

func (m messagesFormat) broken(_ *outlet, f *failure) []byte {
	e := m.explain(f)
	return fmt.Appendf(nil, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":%q,\"message\":%q}}\n\n", e.Type, e.Message)
}

func (messagesFormat) headers(x *exchange, h http.Header) {
	h.Set("Request-Id", "req_"+x.newID(24))
	reset := timestamp(day(2026, 11, 25))
	for _, what := range []string{"Requests", "Tokens", "Input-Tokens", "Output-Tokens"} {
		h.Set("Anthropic-Ratelimit-"+what+"-Limit", "4000")
		h.Set("Anthropic-Ratelimit-"+what+"-Remaining", "3999")
		h.Set("Anthropic-Ratelimit-"+what+"-Reset", reset)
	}
}

// Families of Anthropic's models, by the name that a script plays.
var (
	claudeNewest     = regexp.MustCompile(`claude-[a-z]+-(4[-.][7-9]|[5-9])`) // neither budgets nor sampling nor prefill
	claudeBudgetOnly = regexp.MustCompile(`claude-(3|[a-z]+-4([-.][0-5])?($|-[0-9]{8}))`)
	claudeOneSampler = regexp.MustCompile(`claude-[a-z]+-4[-.][1-6]`)
	claudeMidSystem  = regexp.MustCompile(`claude-[a-z]+-[5-9]`)
)

const versionNow = "2026-10-21"

// versions are the values of the header anthropic-version.
var versions = []string{"2023-01-01", "2023-06-01", versionNow}

var (
	anthropicID   = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	anthropicTool = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
	typedTool     = regexp.MustCompile(`^[a-z_]+_[0-9]{8}$`)
)
