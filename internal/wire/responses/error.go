package responses

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

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
	if err := json.Unmarshal(v, &f, scan.Lenient); err != nil {
		return classed(&llm.Error{Status: status, Message: wire.Clip(string(v))})
	}
	e := &llm.Error{Status: status, Message: f.Message, Type: f.Type, Code: textOf(f.Code), Param: f.Param}
	if e.Message == "" {
		e.Message = wire.Clip(string(v))
	}
	return classed(e)
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
	kind := wire.OpenAIKind(e)
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
	e.RetryAfter = wire.RetryAfter(h, time.Now())
	e.Raw = wire.Kept(body)
	return e
}

func refusalOf(status int, body []byte) *llm.Error {
	var outer struct {
		Error   jsontext.Value `json:"error"`
		Code    jsontext.Value `json:"code"`
		Message string         `json:"message"`
		Detail  jsontext.Value `json:"detail"`
	}
	if json.Unmarshal(body, &outer, scan.Lenient) == nil {
		if e := errorIn(outer.Error, status); e != nil {
			if e.Code == "" {
				e.Code = textOf(outer.Code)
			}
			return e
		}
		message := outer.Message
		if message == "" {
			message = wire.Clip(textOf(outer.Detail))
		}
		if message != "" {
			return classed(&llm.Error{Status: status, Message: message, Code: textOf(outer.Code)})
		}
	}
	message := strings.TrimSpace("status " + strconv.Itoa(status) + " " + http.StatusText(status))
	if text := wire.PageText(body); text != "" {
		message += ": " + text
	}
	return classed(&llm.Error{Status: status, Message: message})
}
