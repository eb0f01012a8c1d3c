package chat

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
		return classed(&llm.Error{Status: status, Message: wire.Clip(string(v))})
	}
	e := &llm.Error{Status: status, Message: b.Message, Type: b.Type, Param: b.Param, Code: strings.Trim(string(b.Code), `"`)}
	if e.Code == "null" {
		e.Code = ""
	}
	if e.Message == "" {
		e.Message = wire.Clip(string(v))
	}
	if b.Metadata != nil && b.Metadata.Raw != "" {
		e.Message += ": " + wire.Clip(b.Metadata.Raw)
	}
	if n, err := strconv.Atoi(e.Code); err == nil && status == 0 && n >= 400 && n < 600 {
		e.Status = n // OpenRouter writes the status as the code of an error in a 200
	}
	return classed(e)
}

// failure is the error inside an answer, nil when there is none.
func (a *answer) failure() *llm.Error {
	if a.Groq != nil {
		if e := errorIn(a.Groq.Error, 0); e != nil {
			return e
		}
	}
	if a.Object == "error" && len(a.Choices) == 0 && a.Message.Kind() != 0 {
		return classed(&llm.Error{Message: prose(a.Message), Type: wordOf(a.Type), Code: wordOf(a.Code)})
	}
	e := errorIn(a.Error, 0)
	if e != nil && e.Code == "" {
		e.Code = wordOf(a.Code)
	}
	return e
}

// wordOf reads a code, a word or a number.
func wordOf(v jsontext.Value) string {
	if v.Kind() != '"' && v.Kind() != '0' {
		return ""
	}
	return strings.Trim(string(v), `"`)
}

// classed sets the kind of an error from its code, type, status and words.
func classed(e *llm.Error) *llm.Error {
	kind := wire.OpenAIKind(e)
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
	e.RetryAfter = wire.RetryAfter(h, time.Now())
	e.Raw = wire.Kept(body)
	return e
}

func refusalOf(status int, body []byte) *llm.Error {
	var outer struct {
		Error   jsontext.Value `json:"error"`
		Message jsontext.Value `json:"message"`
		Detail  jsontext.Value `json:"detail"`
		Type    jsontext.Value `json:"type"`
		Code    jsontext.Value `json:"code"`
		Param   jsontext.Value `json:"param"`
	}
	body = scan.Sound(body)
	v := jsontext.Value(body)
	if v.Kind() == '[' { // Google's OpenAI form wraps its errors in a list
		var list []jsontext.Value
		if json.Unmarshal(body, &list) == nil && len(list) > 0 {
			v = list[0]
		}
	}
	if err := json.Unmarshal(v, &outer); err == nil {
		if e := errorIn(outer.Error, status); e != nil {
			if e.Code == "" {
				e.Code = wordOf(outer.Code)
			}
			return e
		}
		// Flat bodies: Mistral's, whose message may hold the detail, and FastAPI's.
		said := outer.Message
		if len(said) == 0 || said.Kind() == 'n' {
			said = outer.Detail
		}
		if len(said) > 0 && said.Kind() != 'n' {
			return classed(&llm.Error{Status: status, Message: prose(said), Type: wordOf(outer.Type), Code: wordOf(outer.Code), Param: wordOf(outer.Param)})
		}
	}
	message := "status " + strconv.Itoa(status) + " " + http.StatusText(status)
	if text := wire.PageText(body); text != "" {
		message += ": " + text
	}
	return classed(&llm.Error{Status: status, Message: message})
}

// prose reads what a flat body says: words, or a list of what is wrong with which
// field.
func prose(v jsontext.Value) string {
	var text string
	if v.Kind() == '"' && json.Unmarshal(v, &text) == nil {
		return wire.Clip(text)
	}
	var nested struct {
		Detail jsontext.Value `json:"detail"`
	}
	if v.Kind() == '{' && json.Unmarshal(v, &nested) == nil && len(nested.Detail) > 0 {
		v = nested.Detail
	}
	var list []struct {
		At   []jsontext.Value `json:"loc"`
		What string           `json:"msg"`
	}
	if v.Kind() != '[' || json.Unmarshal(v, &list) != nil || len(list) == 0 || list[0].What == "" {
		return wire.Clip(string(v))
	}
	var b strings.Builder
	for i, d := range list {
		if i > 0 {
			b.WriteString("; ")
		}
		for j, at := range d.At {
			if j > 0 {
				b.WriteByte('.')
			}
			b.WriteString(wordOf(at))
		}
		b.WriteString(": " + d.What)
	}
	return wire.Clip(b.String())
}

// EncodeError writes a failure.
func (Format) EncodeError(e *llm.Error) (int, []byte) {
	status, out := wire.ShowOpenAI(e, nil)
	if e.Provider != "" {
		out.Message = e.Provider + ": " + out.Message
	}
	out.Message = toValid(out.Message)
	body, err := json.Marshal(struct {
		Error wire.OpenAIError `json:"error"`
	}{out})
	if err != nil {
		return http.StatusInternalServerError, []byte(`{"error":{"message":"the error can't be written","type":"server_error","param":null,"code":null}}`)
	}
	return status, body
}
