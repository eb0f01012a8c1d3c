package responses

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
)

// maxRaw bounds what is kept of a provider's refusal.
const maxRaw = 4 << 10

// failure is an error object. Vendors write code as a text or a number.
type failure struct {
	Message string         `json:"message"`
	Type    string         `json:"type"`
	Code    jsontext.Value `json:"code"`
	Param   string         `json:"param"`
}

// errorIn reads an error object or text; nil when v is none. status is that of
// the answer, 0 inside a 200.
func errorIn(v jsontext.Value, status int) *llm.Error {
	if v.Kind() == '"' {
		s := textOf(v)
		if s == "" {
			return nil
		}
		return classed(&llm.Error{Status: status, Message: s})
	}
	if v.Kind() != '{' {
		return nil
	}
	var f failure
	if err := json.Unmarshal(v, &f, lenient); err != nil {
		return classed(&llm.Error{Status: status, Message: clip(string(v))})
	}
	e := &llm.Error{Status: status, Message: f.Message, Type: f.Type, Code: textOf(f.Code), Param: f.Param}
	if e.Message == "" {
		e.Message = clip(string(v))
	}
	return classed(e)
}

// clip cuts what a provider said to a length that people read.
func clip(s string) string {
	const most = 500
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "")
}

// codes maps the vendors' codes and types to kinds; they say more than a status.
var codes = map[string]llm.Kind{
	"context_length_exceeded": llm.KindContextLength,
	"string_above_max_length": llm.KindTooLarge,
	"insufficient_quota":      llm.KindQuota, "credit_balance_exhausted": llm.KindQuota,
	"billing_hard_limit_reached": llm.KindQuota, "billing_not_active": llm.KindQuota,
	"rate_limit_exceeded": llm.KindRateLimit, "rate_limit_error": llm.KindRateLimit, "too_many_requests": llm.KindRateLimit,
	"invalid_api_key": llm.KindAuth, "authentication_error": llm.KindAuth,
	"permission_error": llm.KindPermission, "insufficient_permissions": llm.KindPermission,
	"model_not_found": llm.KindNotFound, "not_found_error": llm.KindNotFound,
	"content_filter": llm.KindContentFilter, "content_policy_violation": llm.KindContentFilter,
	"invalid_encrypted_content": llm.KindReasoning,
	"invalid_prompt":            llm.KindBadRequest, "invalid_request_error": llm.KindBadRequest,
	"vector_store_timeout": llm.KindUpstream,
	"overloaded_error":     llm.KindOverloaded, "engine_overloaded_error": llm.KindOverloaded, "server_is_overloaded": llm.KindOverloaded,
}

var statuses = map[int]llm.Kind{
	400: llm.KindBadRequest, 401: llm.KindAuth, 402: llm.KindQuota, 403: llm.KindPermission, 404: llm.KindNotFound,
	405: llm.KindNotFound, 408: llm.KindTimeout, 409: llm.KindConflict, 410: llm.KindNotFound, 413: llm.KindTooLarge,
	422: llm.KindBadRequest, 429: llm.KindRateLimit, 451: llm.KindContentFilter, 498: llm.KindOverloaded,
	503: llm.KindOverloaded, 504: llm.KindTimeout, 529: llm.KindOverloaded,
}

// phrases are the kinds that vendors tell in prose alone, all words of a line
// together.
var phrases = []struct {
	kind  llm.Kind
	words []string
}{
	// Seen as 400 and as 404: reasoning that was made elsewhere, or not stored.
	{llm.KindReasoning, []string{"item with id 'rs_", "not found"}},
	{llm.KindReasoning, []string{"without its required 'reasoning' item"}},
	{llm.KindReasoning, []string{"encrypted content", "could not be"}},
	{llm.KindReasoning, []string{"encrypted_content", "not issued"}},
	{llm.KindReasoning, []string{"encrypted_content", "invalid"}},
	{llm.KindContextLength, []string{"context length"}},
	{llm.KindContextLength, []string{"context window"}},
	{llm.KindContextLength, []string{"prompt is too long"}},
	{llm.KindQuota, []string{"exceeded your current quota"}},
	{llm.KindQuota, []string{"insufficient", "balance"}},
	{llm.KindQuota, []string{"insufficient", "credits"}},
}

// classed sets the kind of an error from its code, type, status and words.
func classed(e *llm.Error) *llm.Error {
	kind, known := codes[e.Code]
	if !known && strings.HasSuffix(e.Code, "_spend_limit_exceeded") {
		kind, known = llm.KindQuota, true
	}
	if !known && e.Type != "invalid_request_error" {
		kind, known = codes[e.Type]
	}
	if !known {
		kind, known = statuses[e.Status]
	}
	if !known {
		kind = llm.KindUpstream
		if e.Status >= 400 && e.Status < 500 || e.Type == "invalid_request_error" {
			kind = llm.KindBadRequest
		}
	}
	switch kind {
	case llm.KindBadRequest, llm.KindNotFound, llm.KindTooLarge, llm.KindUpstream, llm.KindRateLimit:
		message := strings.ToLower(e.Message)
		for _, p := range phrases {
			if containsAll(message, p.words) {
				kind = p.kind
				break
			}
		}
	}
	e.Kind = kind
	return e
}

func containsAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}

// DecodeError reads a refusal.
func (Format) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	e := refusalOf(status, body)
	e.Status = status
	e.RetryAfter = retryAfter(h, time.Now())
	e.Raw = body[:min(len(body), maxRaw)]
	return e
}

func refusalOf(status int, body []byte) *llm.Error {
	var outer struct {
		Error   jsontext.Value `json:"error"`
		Code    jsontext.Value `json:"code"`
		Message string         `json:"message"`
		Detail  jsontext.Value `json:"detail"`
	}
	if json.Unmarshal(body, &outer, lenient) == nil {
		if e := errorIn(outer.Error, status); e != nil {
			if e.Code == "" {
				e.Code = textOf(outer.Code)
			}
			return e
		}
		message := outer.Message
		if message == "" {
			message = clip(textOf(outer.Detail))
		}
		if message != "" {
			return classed(&llm.Error{Status: status, Message: message, Code: textOf(outer.Code)})
		}
	}
	message := strings.TrimSpace("status " + strconv.Itoa(status) + " " + http.StatusText(status))
	if text := strings.Join(strings.Fields(untagged(string(body[:min(len(body), maxRaw)]))), " "); text != "" {
		message += ": " + clip(text)
	}
	return classed(&llm.Error{Status: status, Message: message})
}

// untagged takes the tags out of an HTML page.
func untagged(s string) string {
	var b strings.Builder
	inside := false
	for _, r := range s {
		switch {
		case r == '<':
			inside = true
			b.WriteByte(' ')
		case r == '>' && inside:
			inside = false
		case !inside:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// retryAfter reads how long to wait; at most a day is believed.
func retryAfter(h http.Header, now time.Time) time.Duration {
	const most = 24 * time.Hour
	seconds := func(v string, unit time.Duration) time.Duration {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || !(f > 0) {
			return 0
		}
		return time.Duration(min(f*float64(unit), float64(most)))
	}
	if d := seconds(h.Get("Retry-After-Ms"), time.Millisecond); d > 0 {
		return d
	}
	v := h.Get("Retry-After")
	if d := seconds(v, time.Second); d > 0 {
		return d
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(0, at.Sub(now)), most)
	}
	return 0
}
