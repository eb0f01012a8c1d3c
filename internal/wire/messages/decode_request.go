package messages

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// decoding is a request on its way: its fields come in any order, but the
// system text stands first.
type decoding struct {
	llm.Request
	system []llm.Part
}

// reader decodes one top-level field.
type reader func(*decoding, jsontext.Value) error

// into makes a reader that unmarshals the field to where at points; null is as
// if the field were absent.
func into[T any](at func(*decoding) *T) reader {
	return func(q *decoding, v jsontext.Value) error {
		if v.Kind() == 'n' {
			return nil
		}
		return json.Unmarshal(v, at(q))
	}
}

var readers = map[string]reader{
	"model":          into(func(q *decoding) *string { return &q.Model }),
	"messages":       readMessages,
	"system":         readSystem,
	"max_tokens":     readCap,
	"stop_sequences": into(func(q *decoding) *[]string { return &q.Stop }),
	"stream":         into(func(q *decoding) *bool { return &q.Stream }),
	"temperature":    into(func(q *decoding) **float64 { return &q.Sampling.Temperature }),
	"top_p":          into(func(q *decoding) **float64 { return &q.Sampling.TopP }),
	"top_k":          into(func(q *decoding) **int { return &q.Sampling.TopK }),
	"tools":          readTools,
	"tool_choice":    readToolChoice,
	"thinking":       readThinking,
	"output_config":  readOutputConfig,
	"output_format":  readOutputFormat,
	"metadata":       readMetadata,
	"service_tier":   readServiceTier,
	"cache_control":  readCacheControl,
}

func readCap(q *decoding, v jsontext.Value) error {
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

// Decode reads a request.
func (Format) Decode(r wire.RawRequest) (*llm.Request, error) {
	q := &decoding{}
	o := scan.NewObject(r.Body)
	for o.Next() {
		f := o.Field()
		read, known := readers[string(f.Name)]
		if !known {
			q.keep(string(f.Name), f.Value)
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
	if len(q.system) > 0 {
		q.Messages = append([]llm.Message{{Role: llm.RoleSystem, Parts: q.system}}, q.Messages...)
	}
	q.StreamUsage = true
	return &q.Request, nil
}

// keep keeps a field verbatim that has no neutral word.
func (q *decoding) keep(name string, v []byte) {
	q.Extra = append(q.Extra, llm.Field{Format: llm.FormatMessages, Name: name, Value: bytes.Clone(v)})
}

func readSystem(q *decoding, v jsontext.Value) error {
	parts, err := contentParts("system", v)
	if err != nil {
		return err
	}
	q.system = parts
	return nil
}

func readMessages(q *decoding, v jsontext.Value) error {
	var in []struct {
		Role    string         `json:"role"`
		Content jsontext.Value `json:"content"`
	}
	if err := json.Unmarshal(v, &in); err != nil {
		return err
	}
	for i, m := range in {
		at := fmt.Sprintf("messages.%d", i)
		switch m.Role {
		case "user", "assistant", "system":
		default:
			return wire.BadRequest(at+".role", fmt.Sprintf("%s.role: %q is not one of user, assistant, system", at, m.Role))
		}
		parts, err := contentParts(at+".content", m.Content)
		if err != nil {
			return err
		}
		q.Messages = append(q.Messages, neutral(llm.Role(m.Role), parts)...)
	}
	return nil
}

// neutral makes messages of a turn: a user's turn holds the results of tools,
// which are a message of their own, before what the user says.
func neutral(role llm.Role, parts []llm.Part) []llm.Message {
	if len(parts) == 0 {
		return nil
	}
	if role != llm.RoleUser {
		return []llm.Message{{Role: role, Parts: parts}}
	}
	var results, said []llm.Part
	for _, p := range parts {
		if _, ok := p.(llm.ToolResult); ok {
			results = append(results, p)
		} else {
			said = append(said, p)
		}
	}
	var out []llm.Message
	if len(results) > 0 {
		out = append(out, llm.Message{Role: llm.RoleTool, Parts: results})
	}
	if len(said) > 0 {
		out = append(out, llm.Message{Role: llm.RoleUser, Parts: said})
	}
	return out
}
