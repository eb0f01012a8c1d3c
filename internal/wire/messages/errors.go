package messages

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// faces says how each kind of failure looks in this format: the status, by which
// official clients choose the error's class, and the type.
var faces = map[llm.Kind]struct {
	status int
	typ    string
}{
	llm.KindBadRequest:    {400, "invalid_request_error"},
	llm.KindAuth:          {401, "authentication_error"},
	llm.KindPermission:    {403, "permission_error"},
	llm.KindNotFound:      {404, "not_found_error"},
	llm.KindTooLarge:      {413, "request_too_large"},
	llm.KindContextLength: {400, "invalid_request_error"},
	llm.KindRateLimit:     {429, "rate_limit_error"},
	llm.KindQuota:         {429, "rate_limit_error"},
	llm.KindOverloaded:    {529, "overloaded_error"},
	llm.KindUpstream:      {502, "api_error"},
	llm.KindTimeout:       {504, "timeout_error"},
	llm.KindTruncated:     {502, "api_error"},
	llm.KindContentFilter: {400, "invalid_request_error"},
	llm.KindCanceled:      {499, "api_error"},
	llm.KindReasoning:     {400, "invalid_request_error"},
	llm.KindUnavailable:   {503, "overloaded_error"},
	llm.KindNotBuilt:      {501, "api_error"},
	llm.KindConflict:      {409, "invalid_request_error"},
}

type errorBody struct {
	Type      string      `json:"type"`
	Error     errorDetail `json:"error"`
	RequestID *string     `json:"request_id"`
}

type errorDetail struct {
	Type    string       `json:"type"`
	Message string       `json:"message"`
	Details *errorReason `json:"details,omitzero"`
}

type errorReason struct {
	Code string `json:"error_code"`
}

// EncodeError writes a failure.
func (Format) EncodeError(e *llm.Error) (status int, body []byte) {
	e = wire.Shown(e)
	face, ok := faces[e.Kind]
	if !ok {
		face = faces[llm.KindUpstream]
	}
	status = wire.ShownStatus(e, face.status)
	out := errorBody{Type: "error", Error: errorDetail{Type: face.typ, Message: e.Message}}
	if out.Error.Message == "" {
		out.Error.Message = string(e.Kind)
	}
	if e.Code != "" && e.Provider == "" {
		out.Error.Details = &errorReason{Code: e.Code}
	}
	body, err := json.Marshal(out, writing)
	if err != nil {
		body = []byte(`{"type":"error","error":{"type":"api_error","message":"the error can't be written"},"request_id":null}`)
	}
	return status, body
}

// DecodeError reads a refusal.
func (Format) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	e := errorOf(body)
	e.Status = status
	if e.Message == "" {
		e.Message = wire.PlainMessage(status, body)
	}
	if k, ok := kindByType(e); ok {
		e.Kind = k
	} else {
		e.Kind = wire.KindOf(status)
	}
	refine(e)
	e.RetryAfter = wire.RetryAfter(h, time.Now())
	return e
}

// errorInside reads an error that came with a good status.
func errorInside(raw jsontext.Value) *llm.Error {
	e := errorOf(raw)
	if e.Message == "" {
		e.Message = "the provider reports an error without saying which"
	}
	e.Kind = llm.KindUpstream
	if k, ok := kindByType(e); ok {
		e.Kind = k
	}
	refine(e)
	return e
}

// errorOf reads what an error body says, in this format's shape or in those that
// proxies and look-alikes send: {"error":{…}}, {"error":"…"}, {"message":"…"}.
func errorOf(body []byte) *llm.Error {
	e := &llm.Error{Raw: wire.Kept(body)}
	body = scan.Sound(body)
	inner := scan.Member(body, "error")
	switch inner.Kind() {
	case '"':
		e.Message = scan.Text(inner)
		return e
	case '{':
	default:
		inner = body
	}
	e.Message = scan.Text(scan.Member(inner, "message"))
	if typ := scan.Text(scan.Member(inner, "type")); typ != "error" {
		e.Type = typ
	}
	e.Code = scan.Text(scan.Member(scan.Member(inner, "details"), "error_code"))
	if e.Code == "" {
		e.Code = scan.Text(scan.Member(inner, "code"))
	}
	e.Param = scan.Text(scan.Member(inner, "param"))
	return e
}

func kindByType(e *llm.Error) (llm.Kind, bool) {
	if strings.HasSuffix(e.Code, "spend_limit_reached") || e.Code == "insufficient_quota" || e.Code == "credit_balance_exhausted" {
		return llm.KindQuota, true
	}
	switch e.Type {
	case "invalid_request_error":
		return llm.KindBadRequest, true
	case "authentication_error":
		return llm.KindAuth, true
	case "permission_error":
		return llm.KindPermission, true
	case "billing_error", "insufficient_quota":
		return llm.KindQuota, true
	case "not_found_error":
		return llm.KindNotFound, true
	case "request_too_large":
		return llm.KindTooLarge, true
	case "rate_limit_error":
		return llm.KindRateLimit, true
	case "timeout_error":
		return llm.KindTimeout, true
	case "overloaded_error":
		return llm.KindOverloaded, true
	case "api_error":
		return llm.KindUpstream, true
	}
	return "", false
}

// Messages are for people and change; what can't be told by the type is looked
// for in the wordings seen in issue trackers until 2026-11.
var (
	contextWords   = regexp.MustCompile(`(?i)(prompt|input) is too long|exceeds? (the )?(model'?s? )?(maximum )?context|context (length|limit|window)|too many (input )?tokens`)
	quotaWords     = regexp.MustCompile(`(?i)credit balance|usage limits?|spend(ing)? limit|billing|insufficient (balance|credit|quota)`)
	filterWords    = regexp.MustCompile(`(?i)content filter|content policy|usage policy`)
	reasoningWords = regexp.MustCompile("(?i)(signature.*thinking|thinking.*signature)|expected `?(redacted_)?thinking|thinking`? (or `?redacted_thinking`? )?blocks?.*(modified|removed|must)|must start with a thinking block")
)

// refine tells apart what bears one type: "invalid_request_error" stands for
// several kinds of failure.
func refine(e *llm.Error) {
	if e.Kind != llm.KindBadRequest && e.Kind != llm.KindTooLarge {
		return
	}
	switch m := e.Message; {
	case reasoningWords.MatchString(m):
		e.Kind = llm.KindReasoning
	case contextWords.MatchString(m):
		e.Kind = llm.KindContextLength
	case quotaWords.MatchString(m):
		e.Kind = llm.KindQuota
	case filterWords.MatchString(m):
		e.Kind = llm.KindContentFilter
	}
}
