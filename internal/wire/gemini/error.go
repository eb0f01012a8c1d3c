package gemini

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// refusal is google.rpc.Status as its HTTP mapping writes it.
type refusal struct {
	Code    whole    `json:"code"`
	Message string   `json:"message"`
	Status  string   `json:"status"`
	Details []detail `json:"details,omitzero"`
}

// detail is one of google.rpc's error details; which one, its type says.
type detail struct {
	Type       string      `json:"@type"`
	RetryDelay string      `json:"retryDelay,omitzero"`
	Reason     string      `json:"reason,omitzero"`
	Domain     string      `json:"domain,omitzero"`
	Violations []violation `json:"violations,omitzero"`
	Fields     []violation `json:"fieldViolations,omitzero"`
}

type violation struct {
	QuotaID     string `json:"quotaId,omitzero"`
	Field       string `json:"field,omitzero"`
	Description string `json:"description,omitzero"`
}

const detailType = "type.googleapis.com/google.rpc."

// errorIn reads an error object; nil when v is none. status is that of the
// answer, 0 inside a 200.
func errorIn(v jsontext.Value, status int) *llm.Error {
	e := &llm.Error{Status: status}
	switch v.Kind() {
	case '"':
		message, err := scan.Unquote(v)
		if e.Message = string(message); err == nil && e.Message != "" {
			return classed(e, nil)
		}
		return nil
	case '{':
	default:
		return nil
	}
	var r refusal
	if err := unmarshal(v, &r); err != nil {
		// An imitation with other types in it: its words are still worth reading.
		var words struct {
			Message jsontext.Value `json:"message"`
			Status  jsontext.Value `json:"status"`
		}
		if unmarshal(v, &words) == nil && words.Message.Kind() == '"' {
			_ = unmarshal(words.Message, &r.Message) // an unreadable one is replaced below
		}
		r.Details = nil
	}
	e.Message, e.Type = r.Message, r.Status
	if e.Message == "" {
		e.Message = wire.Clip(string(v))
	}
	if status == 0 && r.Code >= 400 && r.Code < 600 {
		e.Status = int(r.Code)
	}
	return classed(e, r.Details)
}

// words maps google.rpc's status words to kinds, for errors inside a stream that
// come without a code.
var words = map[string]llm.Kind{
	"INVALID_ARGUMENT": llm.KindBadRequest, "FAILED_PRECONDITION": llm.KindBadRequest, "OUT_OF_RANGE": llm.KindBadRequest,
	"UNAUTHENTICATED": llm.KindAuth, "PERMISSION_DENIED": llm.KindPermission, "NOT_FOUND": llm.KindNotFound,
	"ABORTED": llm.KindUpstream, "ALREADY_EXISTS": llm.KindConflict, "RESOURCE_EXHAUSTED": llm.KindRateLimit,
	"CANCELLED": llm.KindUpstream, "INTERNAL": llm.KindUpstream, "UNKNOWN": llm.KindUpstream, "DATA_LOSS": llm.KindUpstream,
	"UNAVAILABLE": llm.KindOverloaded, "DEADLINE_EXCEEDED": llm.KindTimeout, "UNIMPLEMENTED": llm.KindBadRequest,
}

// classed sets the kind of an error from its status, its details and, where the
// vendor tells it in prose alone, its words.
func classed(e *llm.Error, details []detail) *llm.Error {
	kind := wire.KindOf(e.Status)
	if word, known := words[e.Type]; known && kind == llm.KindUpstream {
		kind = word
	}
	e.Kind = kind
	for _, d := range details {
		switch strings.TrimPrefix(d.Type, detailType) {
		case "RetryInfo":
			e.RetryAfter = delay(d.RetryDelay)
		case "ErrorInfo":
			e.Code = d.Reason
		case "BadRequest":
			if len(d.Fields) > 0 {
				e.Param = d.Fields[0].Field
			}
		}
	}
	switch kind {
	case llm.KindBadRequest, llm.KindPermission:
		e.Kind = refused(e)
	case llm.KindRateLimit:
		for _, d := range details {
			if i := slices.IndexFunc(d.Violations, ofTheDay); i >= 0 {
				e.Kind, e.Code = llm.KindQuota, d.Violations[i].QuotaID
			}
		}
		if said(e.Message, "spending cap", "spend limit", "credits are depleted", "billing account", "limit: 0,") {
			e.Kind = llm.KindQuota
		}
		if e.Kind == llm.KindQuota {
			e.RetryAfter = 0 // the delay that comes with it is that of a rate limit
		}
	}
	return e
}

func ofTheDay(v violation) bool { return strings.Contains(v.QuotaID, "PerDay") }

// refused tells apart what Google answers with 400 and 403.
func refused(e *llm.Error) llm.Kind {
	m := e.Message
	switch {
	case e.Code == "API_KEY_INVALID", said(m, "api key not valid", "api key expired", "api key was reported as leaked"):
		return llm.KindAuth
	case said(m, "thought_signature", "thought signature", "thoughtsignature"):
		return llm.KindReasoning
	case said(m, "exceeds the maximum number of tokens", "input token count", "context window", "too many tokens"):
		return llm.KindContextLength
	case said(m, "payload size exceeds"):
		return llm.KindTooLarge
	case said(m, "location is not supported", "enable billing"):
		return llm.KindPermission
	}
	return e.Kind
}

func said(message string, words ...string) bool {
	m := strings.ToLower(message)
	return slices.ContainsFunc(words, func(s string) bool { return strings.Contains(m, s) })
}

// delay reads protobuf's way to write a duration, "34.4s".
func delay(s string) time.Duration {
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0
	}
	return min(max(d, 0), wire.MaxRetryAfter)
}

// DecodeError reads a refusal.
func (Format) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	e := refusalOf(status, body)
	e.Status = status
	if wait := wire.RetryAfter(h, time.Now()); wait > 0 && e.Kind != llm.KindQuota {
		e.RetryAfter = wait
	}
	e.Raw = wire.Kept(body)
	return e
}

func refusalOf(status int, body []byte) *llm.Error {
	body = scan.Sound(body)
	v := jsontext.Value(body)
	if v.Kind() == '[' {
		if a := scan.NewArray(body); a.Next() {
			v, _ = a.Value()
		}
	}
	if v.Kind() == '{' {
		var outer struct {
			Error   jsontext.Value `json:"error"`
			Message string         `json:"message"`
		}
		if err := unmarshal(v, &outer); err == nil {
			if e := errorIn(outer.Error, status); e != nil {
				return e
			}
			if outer.Message != "" {
				return classed(&llm.Error{Status: status, Message: outer.Message}, nil)
			}
		}
	}
	message := strings.TrimSpace("status " + strconv.Itoa(status) + " " + http.StatusText(status))
	if text := wire.PageText(body); text != "" {
		message += ": " + text
	}
	return classed(&llm.Error{Status: status, Message: message}, nil)
}

// shown is how a kind looks to a client: the official SDKs choose their error
// class by the status, and people look at the word.
var shown = map[llm.Kind]struct {
	status int
	word   string
}{
	llm.KindBadRequest:    {400, "INVALID_ARGUMENT"},
	llm.KindReasoning:     {400, "INVALID_ARGUMENT"},
	llm.KindContextLength: {400, "INVALID_ARGUMENT"},
	llm.KindContentFilter: {400, "INVALID_ARGUMENT"},
	llm.KindAuth:          {401, "UNAUTHENTICATED"},
	llm.KindPermission:    {403, "PERMISSION_DENIED"},
	llm.KindNotFound:      {404, "NOT_FOUND"},
	llm.KindConflict:      {409, "ABORTED"},
	llm.KindTooLarge:      {413, "INVALID_ARGUMENT"},
	llm.KindRateLimit:     {429, "RESOURCE_EXHAUSTED"},
	llm.KindQuota:         {429, "RESOURCE_EXHAUSTED"},
	llm.KindCanceled:      {499, "CANCELLED"},
	llm.KindNotBuilt:      {501, "UNIMPLEMENTED"},
	llm.KindUpstream:      {502, "INTERNAL"},
	llm.KindTruncated:     {502, "INTERNAL"},
	llm.KindUnavailable:   {503, "UNAVAILABLE"},
	llm.KindOverloaded:    {503, "UNAVAILABLE"},
	llm.KindTimeout:       {504, "DEADLINE_EXCEEDED"},
}

// EncodeError writes a failure.
func (Format) EncodeError(e *llm.Error) (int, []byte) {
	e = wire.Shown(e)
	s, ok := shown[e.Kind]
	if !ok {
		s = shown[llm.KindUpstream]
	}
	s.status = wire.ShownStatus(e, s.status)
	r := refusal{Code: whole(s.status), Message: e.Message, Status: s.word}
	if r.Message == "" {
		r.Message = string(e.Kind)
	}
	if e.Provider != "" {
		r.Message = e.Provider + ": " + r.Message
	}
	if e.Code != "" {
		r.Details = append(r.Details, detail{Type: detailType + "ErrorInfo", Reason: e.Code, Domain: "oido"})
	}
	if e.Param != "" {
		r.Details = append(r.Details, detail{Type: detailType + "BadRequest", Fields: []violation{{Field: e.Param, Description: e.Message}}})
	}
	if e.RetryAfter > 0 {
		r.Details = append(r.Details, detail{Type: detailType + "RetryInfo", RetryDelay: strconv.FormatFloat(e.RetryAfter.Seconds(), 'f', -1, 64) + "s"})
	}
	body, err := marshal(struct {
		Error refusal `json:"error"`
	}{r})
	if err != nil {
		return http.StatusInternalServerError, []byte(`{"error":{"code":500,"message":"the error can't be written","status":"INTERNAL"}}`)
	}
	return s.status, body
}
