package chat

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

type errorBody struct {
	Message  string         `json:"message"`
	Type     string         `json:"type"`
	Code     jsontext.Value `json:"code"`
	Param    string         `json:"param"`
	Detail   jsontext.Value `json:"detail"`
	Metadata *struct {
		Raw string `json:"raw"`
	} `json:"metadata"`
}

// errorIn reads an error object; nil when v is none. status is that of the
// answer, 0 inside a 200.
func errorIn(v jsontext.Value, status int) *llm.Error {
	switch v.Kind() {
	case '"':
		var s string
		if err := json.Unmarshal(v, &s); err != nil || s == "" {
			return nil //nolint:nilerr // nothing to read is no error
		}
		return classed(&llm.Error{Status: status, Message: s})
	case '{':
	default:
		return nil
	}
	var b errorBody
	if json.Unmarshal(v, &b) != nil {
		return classed(&llm.Error{Status: status, Message: clip(string(v))})
	}
	e := &llm.Error{Status: status, Message: b.Message, Type: b.Type, Param: b.Param, Code: strings.Trim(string(b.Code), `"`)}
	if e.Code == "null" {
		e.Code = ""
	}
	if e.Message == "" {
		e.Message = clip(string(v))
	}
	if b.Metadata != nil && b.Metadata.Raw != "" {
		e.Message += ": " + clip(b.Metadata.Raw)
	}
	if n, err := strconv.Atoi(e.Code); err == nil && status == 0 && n >= 400 && n < 600 {
		e.Status = n // OpenRouter writes the status as the code of an error in a 200
	}
	return classed(e)
}

func clip(s string) string {
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "…"
	}
	return s
}

// codes maps the vendors' codes and types to kinds; they say more than a status.
// "server_error" isn't among them: it stands beside every status from 500 on.
var codes = map[string]llm.Kind{
	"context_length_exceeded": llm.KindContextLength, "string_above_max_length": llm.KindContextLength,
	"insufficient_quota": llm.KindQuota, "billing_hard_limit_reached": llm.KindQuota, "billing_not_active": llm.KindQuota,
	"rate_limit_exceeded": llm.KindRateLimit, "rate_limit_error": llm.KindRateLimit, "requests": llm.KindRateLimit, "tokens": llm.KindRateLimit,
	"invalid_api_key": llm.KindAuth, "authentication_error": llm.KindAuth,
	"model_not_found": llm.KindNotFound, "not_found_error": llm.KindNotFound,
	"content_filter": llm.KindContentFilter, "content_policy_violation": llm.KindContentFilter,
	"overloaded_error": llm.KindOverloaded, "engine_overloaded_error": llm.KindOverloaded,
	"permission_error": llm.KindPermission, "insufficient_permissions": llm.KindPermission,
}

var statuses = map[int]llm.Kind{
	400: llm.KindBadRequest, 401: llm.KindAuth, 402: llm.KindQuota, 403: llm.KindPermission, 404: llm.KindNotFound,
	405: llm.KindNotFound, 408: llm.KindTimeout, 409: llm.KindConflict, 410: llm.KindNotFound, 413: llm.KindTooLarge,
	422: llm.KindBadRequest, 429: llm.KindRateLimit, 498: llm.KindOverloaded, 503: llm.KindOverloaded, 504: llm.KindTimeout, 529: llm.KindOverloaded,
}

// classed sets the kind of an error from its code, type, status and words.
func classed(e *llm.Error) *llm.Error {
	kind, known := codes[e.Code]
	if !known {
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
	if kind == llm.KindBadRequest || kind == llm.KindUpstream || kind == llm.KindTooLarge {
		kind = byWords(e.Message, kind)
	}
	e.Kind = kind
	return e
}

// byWords reads the kinds that vendors tell in prose alone.
func byWords(message string, kind llm.Kind) llm.Kind {
	m := strings.ToLower(message)
	for _, w := range []struct {
		kind  llm.Kind
		words []string
	}{
		{llm.KindContextLength, []string{"maximum context length", "context window", "context length", "prompt is too long", "too many tokens", "exceeds the available context"}},
		{llm.KindReasoning, []string{"reasoning_content", "thought_signature", "thought signature", "encrypted_content", "encrypted content", "signature in thinking"}},
		{llm.KindQuota, []string{"insufficient balance", "insufficient credits", "exceeded your current quota"}},
	} {
		for _, word := range w.words {
			if strings.Contains(m, word) {
				return w.kind
			}
		}
	}
	return kind
}

// DecodeError reads a refusal.
func (Format) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	e := refusalOf(status, body)
	e.Status = status
	e.RetryAfter = retryAfter(h)
	e.Raw = body[:min(len(body), maxRaw)]
	return e
}

func refusalOf(status int, body []byte) *llm.Error {
	var outer struct {
		Error   jsontext.Value `json:"error"`
		Message string         `json:"message"`
		Detail  jsontext.Value `json:"detail"`
	}
	v := jsontext.Value(body)
	if v.Kind() == '[' { // Google's OpenAI form wraps its errors in a list
		var list []jsontext.Value
		if json.Unmarshal(body, &list) == nil && len(list) > 0 {
			v = list[0]
		}
	}
	if err := json.Unmarshal(v, &outer); err == nil {
		if e := errorIn(outer.Error, status); e != nil {
			return e
		}
		switch {
		case outer.Message != "":
			return classed(&llm.Error{Status: status, Message: outer.Message})
		case len(outer.Detail) > 0:
			return classed(&llm.Error{Status: status, Message: clip(strings.Trim(string(outer.Detail), `"`))})
		}
	}
	message := "status " + strconv.Itoa(status) + " " + http.StatusText(status)
	if text := strings.Join(strings.Fields(untagged(string(body[:min(len(body), maxRaw)]))), " "); text != "" {
		message += ": " + clip(strings.ToValidUTF8(text, ""))
	}
	return classed(&llm.Error{Status: status, Message: message})
}

// untagged takes the tags out of an HTML page.
func untagged(s string) string {
	var b strings.Builder
	depth := 0
	for _, r := range s {
		switch {
		case r == '<':
			depth++
			b.WriteByte(' ')
		case r == '>' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// retryAfter reads how long to wait; at most a day is believed.
func retryAfter(h http.Header) time.Duration {
	const most = 24 * time.Hour
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 {
		return min(time.Duration(min(ms, 1e9)*float64(time.Millisecond)), most)
	}
	v := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(v, 64); err == nil && s > 0 {
		return min(time.Duration(min(s, 1e6)*float64(time.Second)), most)
	}
	if at, err := http.ParseTime(v); err == nil {
		return min(max(0, time.Until(at)), most)
	}
	return 0
}

// shownError is how a kind looks to a client; the official SDKs choose their
// error class by the status, and people look at type and code.
type shownError struct {
	status     int
	kind, code string
}

var shown = map[llm.Kind]shownError{
	llm.KindBadRequest:    {400, "invalid_request_error", ""},
	llm.KindReasoning:     {400, "invalid_request_error", ""},
	llm.KindContextLength: {400, "invalid_request_error", "context_length_exceeded"},
	llm.KindContentFilter: {400, "invalid_request_error", "content_filter"},
	llm.KindAuth:          {401, "invalid_request_error", "invalid_api_key"},
	llm.KindPermission:    {403, "invalid_request_error", "permission_denied"},
	llm.KindNotFound:      {404, "invalid_request_error", "model_not_found"},
	llm.KindConflict:      {409, "invalid_request_error", "conflict"},
	llm.KindTooLarge:      {413, "invalid_request_error", "request_too_large"},
	llm.KindRateLimit:     {429, "rate_limit_error", "rate_limit_exceeded"},
	llm.KindQuota:         {429, "insufficient_quota", "insufficient_quota"},
	llm.KindCanceled:      {499, "invalid_request_error", "canceled"},
	llm.KindNotBuilt:      {501, "invalid_request_error", "not_implemented"},
	llm.KindUpstream:      {502, "server_error", "upstream_error"},
	llm.KindTruncated:     {502, "server_error", "truncated"},
	llm.KindUnavailable:   {503, "server_error", "unavailable"},
	llm.KindOverloaded:    {503, "server_error", "overloaded"},
	llm.KindTimeout:       {504, "server_error", "timeout"},
}

type outError struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// EncodeError writes a failure.
func (Format) EncodeError(e *llm.Error) (int, []byte) {
	s, body := encodeError(e)
	return s, body
}

func encodeError(e *llm.Error) (int, []byte) {
	s, ok := shown[e.Kind]
	if !ok {
		s = shown[llm.KindUpstream]
	}
	out := outError{Message: toValid(e.Message), Type: s.kind}
	if out.Message == "" {
		out.Message = string(e.Kind)
	}
	if e.Provider != "" {
		out.Message = e.Provider + ": " + out.Message
	}
	if e.Param != "" {
		out.Param = &e.Param
	}
	code := e.Code
	if code == "" || e.Provider != "" && s.code != "" {
		code = s.code
	}
	if code != "" {
		out.Code = &code
	}
	if e.Status == http.StatusUnprocessableEntity || e.Status >= 500 && e.Status < 600 && e.Provider != "" {
		s.status = e.Status // a provider's 422 and 5xx pass on
	}
	body, err := json.Marshal(struct {
		Error outError `json:"error"`
	}{out})
	if err != nil {
		return http.StatusInternalServerError, []byte(`{"error":{"message":"the error can't be written","type":"server_error","param":null,"code":null}}`)
	}
	return s.status, body
}
