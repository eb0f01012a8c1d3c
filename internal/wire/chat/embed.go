package chat

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

var _ wire.Embedder = Format{}

// embedPath is where OpenAI's embeddings are asked for, beside Chat Completions.
const embedPath = "/embeddings"

// PeekEmbed reads the fields that decide where a request goes.
func (f Format) PeekEmbed(r wire.RawRequest) (wire.Peeked, error) {
	p, err := f.Peek(r)
	p.Stream = false // there is no stream of embeddings
	return p, err
}

// SpliceEmbed writes the request for a model.
func (f Format) SpliceEmbed(r wire.RawRequest, p wire.Peeked, e wire.Edits) (wire.Outbound, error) {
	out, err := f.Splice(r, p, e)
	out.Path = embedPath
	return out, err
}

// DecodeEmbed reads a request for embeddings.
func (Format) DecodeEmbed(r wire.RawRequest) (*llm.EmbedRequest, error) {
	q := &llm.EmbedRequest{}
	o := scan.NewObject(r.Body)
	for o.Next() {
		f := o.Field()
		if err := readEmbed(q, f); err != nil {
			return nil, wire.BadField(string(f.Name), err)
		}
	}
	if err := o.Err(); err != nil {
		return nil, wire.BadRequest("", err.Error())
	}
	if len(q.Inputs) == 0 {
		return nil, wire.BadRequest("input", "input is missing or empty: send a string or a list of them")
	}
	q.Batch = len(q.Inputs) > 1
	return q, nil
}

func readEmbed(q *llm.EmbedRequest, f scan.Field) error {
	if f.Kind == 'n' {
		return nil
	}
	switch name := string(f.Name); name {
	case "model":
		return json.Unmarshal(f.Value, &q.Model)
	case "user":
		return json.Unmarshal(f.Value, &q.EndUser)
	case "dimensions":
		n, ok := scan.Int(f.Value)
		if !ok || n < 1 {
			return errors.New("a whole number above 0 is wanted")
		}
		q.Dimensions = &n
	case "encoding_format":
		var as string
		if err := json.Unmarshal(f.Value, &as); err != nil {
			return err
		}
		if as != "float" && as != "base64" {
			return fmt.Errorf("%q is not one of float, base64", as)
		}
		q.Base64 = as == "base64"
	case "input":
		var err error
		q.Inputs, err = embedInputs(f.Value)
		return err
	default:
		q.Extra = append(q.Extra, llm.Field{Format: llm.FormatChat, Name: name, Value: bytes.Clone(f.Value)})
	}
	return nil
}

// embedInputs reads a text, a list of texts, the tokens of a text or a list of
// those.
func embedInputs(v jsontext.Value) ([]llm.EmbedInput, error) {
	var one llm.EmbedInput
	if v.Kind() == '"' {
		err := json.Unmarshal(v, &one.Text)
		return []llm.EmbedInput{one}, err
	}
	var list []jsontext.Value
	if err := json.Unmarshal(v, &list); err != nil || len(list) == 0 {
		return nil, err
	}
	if list[0].Kind() == '0' {
		err := json.Unmarshal(v, &one.Tokens)
		return []llm.EmbedInput{one}, err
	}
	inputs := make([]llm.EmbedInput, len(list))
	for i, item := range list {
		var err error
		if item.Kind() == '[' {
			err = json.Unmarshal(item, &inputs[i].Tokens)
		} else {
			err = json.Unmarshal(item, &inputs[i].Text)
		}
		if err != nil {
			at := fmt.Sprintf("input[%d]", i)
			return nil, wire.BadRequest(at, at+" is neither a string nor a list of tokens")
		}
	}
	return inputs, nil
}

// EncodeEmbed writes a request for embeddings.
func (Format) EncodeEmbed(q *llm.EmbedRequest, t wire.Target) (wire.Outbound, []wire.Downgrade, error) {
	w := &wire.Fields{Target: wire.Target{Model: t.Model, Reject: t.Embed.Reject, Rename: t.Embed.Rename}}
	w.Put("model", t.Model)
	putTask(w, q, &t.Embed)
	inputs := make([]any, len(q.Inputs))
	for i, in := range q.Inputs {
		inputs[i] = in.Text
		if in.Tokens != nil {
			inputs[i] = in.Tokens
		}
		if in.Title != "" {
			w.Lose("title", "OpenAI's embeddings can't be told the title of a text")
		}
	}
	if len(inputs) == 1 {
		w.Put("input", inputs[0])
	} else {
		w.Put("input", inputs)
	}
	if q.Dimensions != nil && w.Refused("dimensions") {
		w.Refuse("dimensions", "dimensions: this provider's vectors have the length that its model gives them: leave it out")
	}
	wire.PutMaybe(w, "dimensions", q.Dimensions)
	w.PutWord("user", q.EndUser)
	for _, f := range q.Extra {
		if f.Format == llm.FormatChat {
			w.Put(f.Name, jsontext.Value(f.Value))
		}
	}
	w.LoseEmbed(q, llm.FormatChat)
	body, err := w.Object(jsontext.AllowInvalidUTF8(true))
	return wire.Outbound{Path: embedPath, Body: body}, w.Downgrades, err
}

// putTask says what the vectors are for, which is one thing for a whole request.
// A client that says it in the provider's own field is left to do so.
func putTask(w *wire.Fields, q *llm.EmbedRequest, s *wire.EmbedStyle) {
	if slices.ContainsFunc(q.Extra, func(f llm.Field) bool { return f.Format == llm.FormatChat && f.Name == s.Task }) {
		return
	}
	said, known := "", s.TaskElse
	for i, in := range q.Inputs {
		if i == 0 {
			said = in.Task
		}
		if in.Task != said {
			w.Refuse("requests", "the requests are for different tasks, which this provider can't be told at once: send them apart")
			return
		}
	}
	if said != "" {
		if known = s.Tasks[said]; known == "" {
			known = s.TaskElse
			w.Lose("task_type", "the provider can't be told that its embeddings are for "+said)
		}
	}
	if s.Task != "" {
		w.PutWord(s.Task, known)
	}
}

// embedUsage is what embeddings used: all of it is input.
type embedUsage struct {
	Prompt int64 `json:"prompt_tokens"`
	Total  int64 `json:"total_tokens"`
}

type vector struct {
	Object    string         `json:"object"`
	Embedding jsontext.Value `json:"embedding"`
	Index     int            `json:"index"`
}

type vectors struct {
	Object string      `json:"object"`
	Data   []vector    `json:"data"`
	Model  string      `json:"model"`
	Usage  *embedUsage `json:"usage"`
}

// EmbeddingUsage reads an answer but for its vectors.
func (Format) EmbeddingUsage(body []byte) (wire.Metered, *llm.Error) {
	var a struct {
		Error jsontext.Value `json:"error"`
		Data  jsontext.Value `json:"data"`
		Model string         `json:"model"`
		Usage jsontext.Value `json:"usage"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return wire.Metered{}, llm.Errorf(llm.KindUpstream, "the provider's answer can't be read: %w", err)
	}
	if e := errorIn(a.Error, 0); e != nil {
		return wire.Metered{}, e
	}
	if a.Data.Kind() != '[' {
		return wire.Metered{}, llm.Errorf(llm.KindUpstream, "the provider's answer holds no embeddings")
	}
	m := wire.Metered{Model: a.Model, Complete: true}
	var u *usage
	// What can't be read is as if it weren't there.
	if len(a.Usage) > 0 && json.Unmarshal(a.Usage, &u) == nil && u != nil && max(u.Prompt, u.Total) > 0 {
		if u.Prompt <= 0 {
			u.Prompt = u.Total // some tell the total alone
		}
		m.Usage = u.neutral(false)
	}
	return m, nil
}

// DecodeEmbedding reads an answer.
func (f Format) DecodeEmbedding(body []byte) (*llm.Embedding, error) {
	m, e := f.EmbeddingUsage(body)
	if e != nil {
		return nil, e
	}
	var a struct {
		Data []vector `json:"data"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, llm.Errorf(llm.KindUpstream, "the provider's embeddings can't be read: %w", err)
	}
	out := &llm.Embedding{Model: m.Model, Usage: m.Usage, Vectors: make([][]float32, len(a.Data))}
	for i, d := range a.Data {
		// Servers that don't number them send them in order.
		if d.Index < 0 || d.Index >= len(a.Data) || out.Vectors[d.Index] != nil {
			d.Index = i
		}
		v, err := vectorOf(d.Embedding)
		if err != nil {
			return nil, llm.Errorf(llm.KindUpstream, "the provider's embeddings can't be read: %w", err)
		}
		out.Vectors[d.Index] = v
	}
	return out, nil
}

// vectorOf reads a vector, written as numbers or as base64.
func vectorOf(v jsontext.Value) ([]float32, error) {
	if v.Kind() == '"' {
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			return nil, err
		}
		return wire.BytesVector(s)
	}
	out := []float32{}
	err := json.Unmarshal(v, &out)
	return out, err
}

// EncodeEmbedding writes an answer.
func (Format) EncodeEmbedding(e *llm.Embedding, q *llm.EmbedRequest) ([]byte, error) {
	out := vectors{Object: "list", Data: make([]vector, len(e.Vectors)), Model: e.Model, Usage: &embedUsage{Prompt: e.Usage.TotalInput(), Total: e.Usage.Total()}}
	for i, v := range e.Vectors {
		var as any = v
		if q.Base64 {
			as = wire.VectorBytes(v)
		}
		b, err := json.Marshal(as)
		if err != nil {
			return nil, llm.Errorf(llm.KindUpstream, "an embedding can't be written: %w", err)
		}
		out.Data[i] = vector{Object: "embedding", Embedding: b, Index: i}
	}
	return json.Marshal(out)
}
