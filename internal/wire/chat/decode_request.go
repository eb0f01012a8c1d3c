package chat

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// reader decodes one top-level field into the request.
type reader func(*llm.Request, jsontext.Value) error

// into makes a reader that unmarshals the field to where at points; null is as
// if the field were absent.
func into[T any](at func(*llm.Request) *T) reader {
	return func(q *llm.Request, v jsontext.Value) error {
		if v.Kind() == 'n' {
			return nil
		}
		return json.Unmarshal(v, at(q))
	}
}

var readers = map[string]reader{
	"model":                  into(func(q *llm.Request) *string { return &q.Model }),
	"messages":               readMessages,
	"tools":                  readTools,
	"functions":              readFunctions,
	"tool_choice":            readToolChoice,
	"parallel_tool_calls":    into(func(q *llm.Request) **bool { return &q.ParallelTools }),
	"response_format":        readOutput,
	"reasoning_effort":       readEffort,
	"reasoning":              readReasoning,
	"thinking":               readThinking,
	"stream":                 into(func(q *llm.Request) *bool { return &q.Stream }),
	"stream_options":         readStreamOptions,
	"max_tokens":             readCap,
	"max_completion_tokens":  readCap,
	"stop":                   readStop,
	"temperature":            into(func(q *llm.Request) **float64 { return &q.Sampling.Temperature }),
	"top_p":                  into(func(q *llm.Request) **float64 { return &q.Sampling.TopP }),
	"top_k":                  into(func(q *llm.Request) **int { return &q.Sampling.TopK }),
	"frequency_penalty":      into(func(q *llm.Request) **float64 { return &q.Sampling.FrequencyPenalty }),
	"presence_penalty":       into(func(q *llm.Request) **float64 { return &q.Sampling.PresencePenalty }),
	"seed":                   into(func(q *llm.Request) **int64 { return &q.Sampling.Seed }),
	"n":                      into(func(q *llm.Request) **int { return &q.Sampling.N }),
	"logprobs":               into(func(q *llm.Request) **bool { return &q.Sampling.LogProbs }),
	"top_logprobs":           into(func(q *llm.Request) **int { return &q.Sampling.TopLogProbs }),
	"logit_bias":             readLogitBias,
	"user":                   readUser,
	"safety_identifier":      into(func(q *llm.Request) *string { return &q.EndUser }),
	"prompt_cache_key":       into(func(q *llm.Request) *string { return &q.Cache.Key }),
	"prompt_cache_retention": into(func(q *llm.Request) *string { return &q.Cache.Retention }),
	"session_id":             into(func(q *llm.Request) *string { return &q.Session }),
	"metadata":               into(func(q *llm.Request) *map[string]string { return &q.Metadata }),
	"service_tier":           into(func(q *llm.Request) *string { return &q.ServiceTier }),
	"store":                  into(func(q *llm.Request) **bool { return &q.Store }),
	"verbosity":              into(func(q *llm.Request) *string { return &q.Output.Verbosity }),
	"modalities":             into(func(q *llm.Request) *[]string { return &q.Output.Modalities }),
}

// Decode reads a request.
func (Format) Decode(r wire.RawRequest) (*llm.Request, error) {
	q := &llm.Request{}
	o := scan.NewObject(r.Body)
	for o.Next() {
		f := o.Field()
		read, known := readers[string(f.Name)]
		if !known {
			q.Extra = append(q.Extra, llm.Field{Format: llm.FormatChat, Name: string(f.Name), Value: bytes.Clone(f.Value)})
			continue
		}
		if err := read(q, f.Value); err != nil {
			return nil, wire.BadField(string(f.Name), err)
		}
	}
	if err := o.Err(); err != nil {
		return nil, wire.BadRequest("", err.Error())
	}
	if q.Model == "" {
		return nil, wire.BadRequest("model", "model is missing: name the model to use")
	}
	if len(q.Messages) == 0 {
		return nil, wire.BadRequest("messages", "messages is missing or empty: send at least one message")
	}
	return q, nil
}

func readMessages(q *llm.Request, v jsontext.Value) error {
	var in []message
	if err := json.Unmarshal(v, &in); err != nil {
		return err
	}
	for i := range in {
		m, err := neutral(&in[i])
		if err != nil {
			return wire.BadRequest(fmt.Sprintf("messages[%d]", i), fmt.Sprintf("messages[%d]: %v", i, err))
		}
		q.Messages = append(q.Messages, m)
	}
	return nil
}

func readCap(q *llm.Request, v jsontext.Value) error {
	if v.Kind() == 'n' {
		return nil
	}
	n, ok := scan.Int(v)
	if !ok {
		return errors.New("a whole number is wanted")
	}
	q.MaxOutput = &n
	return nil
}

// neutral turns a message into the neutral one.
func neutral(in *message) (llm.Message, error) {
	m := llm.Message{Role: llm.Role(in.Role), Name: in.Name}
	switch in.Role {
	case "system", "developer", "user", "assistant":
	case "tool", "function":
		parts, err := contentParts(in.Content)
		if err != nil {
			return m, err
		}
		id := in.ToolCallID
		if in.Role == "function" {
			id = legacyID(in.Name)
		}
		if id == "" {
			return m, errors.New("tool_call_id is missing: name the call that this answers")
		}
		m.Role = llm.RoleTool
		m.Parts, m.Name = []llm.Part{llm.ToolResult{CallID: id, Name: in.Name, Parts: parts}}, ""
		return m, nil
	default:
		return m, fmt.Errorf("role %q is not one of system, developer, user, assistant, tool", in.Role)
	}
	if r := reasoningOf(in, llm.Origin{}); r != nil {
		m.Parts = append(m.Parts, *r)
	}
	parts, err := contentParts(in.Content)
	if err != nil {
		return m, err
	}
	m.Parts = append(m.Parts, parts...)
	if in.Refusal != "" {
		m.Parts = append(m.Parts, llm.Refusal{Text: in.Refusal})
	}
	if in.FunctionCall != nil {
		m.Parts = append(m.Parts, llm.ToolCall{ID: legacyID(in.FunctionCall.Name), Name: in.FunctionCall.Name, Arguments: argumentsOf(in.FunctionCall.Arguments)})
	}
	for _, c := range in.ToolCalls {
		call := callOf(c)
		if call.ID == "" {
			call.ID = legacyID(call.Name)
		}
		m.Parts = append(m.Parts, call)
	}
	return m, nil
}

// legacyID stands for the id that the functions API doesn't have, and for one that
// a client left out.
func legacyID(name string) string { return wire.ToolID("function "+name, wire.ShapeResponses) }

func callOf(c toolCall) llm.ToolCall {
	if c.Custom != nil {
		return llm.ToolCall{ID: c.ID, Name: c.Custom.Name, Arguments: c.Custom.Input, Custom: true}
	}
	call := llm.ToolCall{ID: c.ID}
	if c.Function != nil {
		call.Name, call.Arguments = c.Function.Name, argumentsOf(c.Function.Arguments)
	}
	return call
}

// argumentsOf reads arguments: a string with JSON in it, or, from some servers,
// the object itself.
func argumentsOf(v jsontext.Value) string {
	switch v.Kind() {
	case '"':
		var s string
		if json.Unmarshal(v, &s) == nil {
			return s
		}
	case '{':
		return string(v)
	}
	return ""
}

// reasoningOf reads a message's reasoning in whichever field it stands.
func reasoningOf(m *message, at llm.Origin) *llm.Reasoning {
	r := llm.Reasoning{}
	if m.ReasoningContent != nil {
		r.Text = *m.ReasoningContent
		r.Blob = &llm.Blob{Kind: llm.BlobPlain, Origin: at}
	} else if m.Reasoning.Kind() == '"' && json.Unmarshal(m.Reasoning, &r.Text) == nil && r.Text != "" {
		r.Blob = &llm.Blob{Kind: llm.BlobPlain, Origin: at}
	}
	if m.ReasoningDetails.Kind() == '[' && len(m.ReasoningDetails) > 2 {
		r.Blob = &llm.Blob{Kind: llm.BlobDetails, Data: string(m.ReasoningDetails), Origin: at}
	}
	if r.Blob == nil {
		return nil
	}
	return &r
}

func contentParts(v jsontext.Value) ([]llm.Part, error) {
	switch v.Kind() {
	case 0, 'n':
		return nil, nil
	case '"':
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			return nil, err
		}
		if s == "" {
			return nil, nil
		}
		return []llm.Part{llm.Text{Text: s}}, nil
	case '[':
		var raws []jsontext.Value
		if err := json.Unmarshal(v, &raws); err != nil {
			return nil, err
		}
		parts := make([]llm.Part, 0, len(raws))
		for _, raw := range raws {
			p, err := contentPartOf(raw)
			if err != nil {
				return nil, err
			}
			parts = append(parts, p)
		}
		return parts, nil
	}
	return nil, errors.New("content is neither text nor a list of parts")
}

// thought joins the texts of Mistral's thinking part.
func (p *contentPart) thought() string {
	var b strings.Builder
	for _, piece := range p.Thinking {
		b.WriteString(piece.Text)
	}
	return b.String()
}

func contentPartOf(raw jsontext.Value) (llm.Part, error) {
	var p contentPart
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("content: %w", err)
	}
	var mark *llm.CacheMark
	if p.CacheControl != nil {
		mark = &llm.CacheMark{TTL: p.CacheControl.TTL}
	} else if p.Breakpoint.Kind() == '{' {
		mark = &llm.CacheMark{}
	}
	switch {
	case p.Type == "text" || p.Type == "":
		return llm.Text{Text: p.Text, Cache: mark}, nil
	case p.Type == "refusal":
		return llm.Refusal{Text: p.Refusal}, nil
	case p.Type == "thinking":
		return llm.Reasoning{Text: p.thought()}, nil
	case p.Type == "image_url" && p.ImageURL != nil:
		m := llm.MediaAt(llm.MediaImage, p.ImageURL.URL)
		m.Detail, m.Cache = p.ImageURL.Detail, mark
		return m, nil
	case p.Type == "input_audio" && p.InputAudio != nil:
		return llm.Media{Kind: llm.MediaAudio, MIME: "audio/" + p.InputAudio.Format, Data: p.InputAudio.Data, Cache: mark}, nil
	case p.Type == "file" && p.File != nil:
		m := llm.Media{Kind: llm.MediaDocument, FileID: p.File.FileID, Name: p.File.Filename, Cache: mark}
		if m.FileID != "" {
			m.Format = llm.FormatChat
		}
		if p.File.FileData != "" {
			at := llm.MediaAt(llm.MediaDocument, p.File.FileData)
			m.Data, m.URL, m.MIME = at.Data, at.URL, at.MIME
			if m.Data == "" && !strings.Contains(p.File.FileData, ":") {
				m.Data, m.URL, m.MIME = p.File.FileData, "", "application/pdf"
			}
		}
		return m, nil
	}
	return llm.Opaque{Format: llm.FormatChat, Type: p.Type, Raw: raw}, nil
}
