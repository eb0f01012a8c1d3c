package responses

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// reading is a request while its fields are read, in whatever order they stand.
type reading struct {
	*llm.Request
	instructions string
	user         string
}

// keep notes a field, or with a dot a part of one, that has no neutral word.
// null is as if it were absent.
func (r *reading) keep(name string, v jsontext.Value) {
	if v.Kind() != 'n' {
		r.Extra = append(r.Extra, llm.Field{Format: llm.FormatResponses, Name: name, Value: bytes.Clone(v)})
	}
}

// reader decodes one top-level field into the request.
type reader func(*reading, jsontext.Value) error

// into makes a reader that unmarshals the field to where at points; null is as
// if the field were absent.
func into[T any](at func(*reading) *T) reader {
	return func(r *reading, v jsontext.Value) error {
		if v.Kind() == 'n' {
			return nil
		}
		return json.Unmarshal(v, at(r))
	}
}

// unless makes a reader that keeps the field verbatim, but for the value that is
// the format's default and so says nothing.
func unless(name, value string) reader {
	return func(r *reading, v jsontext.Value) error {
		if string(v) != value {
			r.keep(name, v)
		}
		return nil
	}
}

var readers = map[string]reader{
	"model":                  into(func(r *reading) *string { return &r.Model }),
	"instructions":           into(func(r *reading) *string { return &r.instructions }),
	"input":                  readInput,
	"tools":                  readTools,
	"tool_choice":            readToolChoice,
	"parallel_tool_calls":    into(func(r *reading) **bool { return &r.ParallelTools }),
	"text":                   readText,
	"reasoning":              readReasoning,
	"include":                readInclude,
	"stream":                 into(func(r *reading) *bool { return &r.Stream }),
	"max_output_tokens":      readCap,
	"temperature":            into(func(r *reading) **float64 { return &r.Sampling.Temperature }),
	"top_p":                  into(func(r *reading) **float64 { return &r.Sampling.TopP }),
	"top_logprobs":           into(func(r *reading) **int { return &r.Sampling.TopLogProbs }),
	"user":                   into(func(r *reading) *string { return &r.user }),
	"safety_identifier":      into(func(r *reading) *string { return &r.EndUser }),
	"prompt_cache_key":       into(func(r *reading) *string { return &r.Cache.Key }),
	"prompt_cache_retention": into(func(r *reading) *string { return &r.Cache.Retention }),
	"session_id":             into(func(r *reading) *string { return &r.Session }),
	"metadata":               into(func(r *reading) *map[string]string { return &r.Metadata }),
	"service_tier":           into(func(r *reading) *string { return &r.ServiceTier }),
	"store":                  into(func(r *reading) **bool { return &r.Store }),
	"truncation":             unless("truncation", `"disabled"`),
	"background":             unless("background", "false"),
}

func readCap(r *reading, v jsontext.Value) error {
	if v.Kind() == 'n' {
		return nil
	}
	n, ok := scan.Int(v)
	if !ok {
		return errors.New("a whole number is wanted")
	}
	r.MaxOutput = &n
	return nil
}

// continuing are the fields by which a request goes on from what the provider
// has stored, so that it may hold a part of the conversation only.
var continuing = []string{"previous_response_id", "conversation", "prompt"}

// continues says whether the request goes on from what the provider has stored.
func continues(q *llm.Request) bool {
	for _, name := range continuing {
		if extra(q, name) != nil {
			return true
		}
	}
	return false
}

// extra returns a field of this format that has no neutral word; nil when it
// isn't there.
func extra(q *llm.Request, name string) jsontext.Value {
	for _, f := range q.Extra {
		if f.Format == llm.FormatResponses && f.Name == name {
			return f.Value
		}
	}
	return nil
}

// Decode reads a request.
func (Format) Decode(raw wire.RawRequest) (*llm.Request, error) {
	r := &reading{Request: &llm.Request{StreamUsage: true}}
	o := scan.NewObject(raw.Body)
	for o.Next() {
		f := o.Field()
		read, known := readers[string(f.Name)]
		if !known {
			r.keep(string(f.Name), f.Value)
			continue
		}
		if err := read(r, f.Value); err != nil {
			return nil, wire.BadField(string(f.Name), err)
		}
	}
	if err := o.Err(); err != nil {
		return nil, badBody(err)
	}
	if r.EndUser == "" {
		r.EndUser = r.user
	}
	if r.Model == "" {
		return nil, wire.BadRequest("model", "model is missing: name the model to use")
	}
	if len(r.Messages) == 0 && !continues(r.Request) {
		return nil, wire.BadRequest("input", "input is missing or empty: send a text or at least one item")
	}
	if r.instructions != "" {
		head := llm.Message{Role: llm.RoleSystem, Parts: []llm.Part{llm.Text{Text: r.instructions}}}
		r.Messages = append([]llm.Message{head}, r.Messages...)
	}
	return r.Request, nil
}

// badBody refuses a body that is not one object with every name once.
func badBody(err error) *llm.Error {
	var twice *scan.DuplicateError
	if errors.As(err, &twice) {
		return wire.BadRequest(twice.Name, err.Error())
	}
	return wire.BadRequest("", err.Error())
}
