package responses

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// writer gathers the fields of a request in the order in which they are written,
// so that the same request always is the same bytes, and what was left out.
type writer struct {
	t          wire.Target
	fields     []field
	downgrades []wire.Downgrade
	err        error
}

type field struct {
	name  string
	value any
}

// put adds a field unless the target refuses it.
func (w *writer) put(name string, value any) {
	if w.refused(name) {
		return
	}
	if to, ok := w.t.Rename[name]; ok {
		name = to
	}
	w.fields = append(w.fields, field{name, value})
}

// refused says whether the target refuses a field, and notes that it is lost.
func (w *writer) refused(name string) bool {
	if !slices.Contains(w.t.Reject, name) {
		return false
	}
	w.lose(name, "the model refuses the parameter "+name)
	return true
}

// lose names a downgrade, once.
func (w *writer) lose(feature, detail string) {
	if !slices.ContainsFunc(w.downgrades, func(d wire.Downgrade) bool { return d.Feature == feature }) {
		w.downgrades = append(w.downgrades, wire.Downgrade{Feature: feature, Detail: detail})
	}
}

// refuse fails the request where leaving something out would change what is
// asked. The first reason stays.
func (w *writer) refuse(param, message string) {
	if w.err == nil {
		w.err = wire.BadRequest(param, message)
	}
}

// maybe adds a field whose value was said.
func maybe[T any](w *writer, name string, v *T) {
	if v != nil {
		w.put(name, *v)
	}
}

func word(w *writer, name, v string) {
	if v != "" {
		w.put(name, v)
	}
}

// Encode writes a request for a target.
func (Format) Encode(q *llm.Request, t wire.Target) (wire.Outbound, []wire.Downgrade, error) {
	w := &writer{t: t}
	instructions, rest := w.split(q)
	format := w.format(q)
	if s := q.Output.Schema; q.Output.Kind == llm.OutputSchema && t.NoSchemaOutput {
		if instructions != "" {
			instructions += between
		}
		instructions += "Answer with one JSON object that fits this JSON Schema, and nothing else:\n" + string(s)
	}
	w.put("model", t.Model)
	word(w, "instructions", instructions)
	if items := w.input(rest, continues(q)); len(items) > 0 {
		w.put("input", items)
	}
	w.tools(q)
	w.text(q, format)
	w.reasoning(q)
	w.sampling(q)
	w.options(q)
	w.extras(q)
	for _, name := range slices.Sorted(maps.Keys(t.Set)) {
		w.fields = slices.DeleteFunc(w.fields, func(f field) bool { return f.name == name })
		w.fields = append(w.fields, field{name, t.Set[name]})
	}
	if w.err != nil {
		return wire.Outbound{}, nil, w.err
	}
	body, err := w.bytes()
	if err != nil {
		return wire.Outbound{}, nil, err
	}
	return wire.Outbound{Path: path, Body: body}, w.downgrades, nil
}

// EncodeConversation writes the value of the input field alone, as Encode does.
func (Format) EncodeConversation(q *llm.Request, t wire.Target) ([]byte, error) {
	w := &writer{t: t}
	_, rest := w.split(q)
	items := w.input(rest, continues(q))
	if w.err != nil {
		return nil, w.err
	}
	if items == nil {
		items = []any{}
	}
	out, err := json.Marshal(items, exact)
	if err != nil {
		return nil, llm.Errorf(llm.KindBadRequest, "the conversation can't be written: %w", err)
	}
	return out, nil
}

func (w *writer) bytes() ([]byte, error) {
	var b bytes.Buffer
	e := jsontext.NewEncoder(&b, exact)
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return nil, llm.Errorf(llm.KindBadRequest, "the request can't be written: %w", err)
	}
	for _, f := range w.fields {
		if err := e.WriteToken(jsontext.String(f.name)); err != nil {
			return nil, llm.Errorf(llm.KindBadRequest, "field %q: %w", f.name, err)
		}
		if err := json.MarshalEncode(e, f.value, exact); err != nil {
			return nil, llm.Errorf(llm.KindBadRequest, "field %q can't be written: %w", f.name, err)
		}
	}
	if err := e.WriteToken(jsontext.EndObject); err != nil {
		return nil, llm.Errorf(llm.KindBadRequest, "the request can't be written: %w", err)
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// sampling writes the knobs of token choice; the format has only some of them.
func (w *writer) sampling(q *llm.Request) {
	s := q.Sampling
	maybe(w, "temperature", s.Temperature)
	maybe(w, "top_p", s.TopP)
	maybe(w, "top_logprobs", s.TopLogProbs)
	for _, lost := range []struct {
		name string
		said bool
	}{
		{"stop", len(q.Stop) > 0},
		{"top_k", s.TopK != nil},
		{"seed", s.Seed != nil},
		{"n", s.N != nil && *s.N > 1},
		{"frequency_penalty", s.FrequencyPenalty != nil && *s.FrequencyPenalty != 0},
		{"presence_penalty", s.PresencePenalty != nil && *s.PresencePenalty != 0},
		{"logit_bias", len(s.LogitBias) > 2},
	} {
		if lost.said {
			w.lose(lost.name, "the Responses API has no "+lost.name)
		}
	}
}

// minOutput is the smallest cap that OpenAI accepts here; below it the whole
// request is refused ("integer below minimum value").
const minOutput = 16

func (w *writer) options(q *llm.Request) {
	if w.t.Stream {
		w.put("stream", true)
	}
	if q.MaxOutput != nil {
		n := *q.MaxOutput
		if w.t.MaxOutput > 0 && n > w.t.MaxOutput {
			n = w.t.MaxOutput
			w.lose("max_output_tokens", "the model gives fewer tokens than the cap allows")
		} else if n < minOutput {
			n = minOutput
			w.lose("max_output_tokens", "the Responses API takes no cap below 16 tokens")
		}
		w.put("max_output_tokens", n)
	}
	w.include(q)
	store := q.Store != nil && *q.Store
	w.put("store", store)
	word(w, "prompt_cache_key", q.Cache.Key)
	word(w, "prompt_cache_retention", q.Cache.Retention)
	if q.Cache.Content != "" {
		w.lose("cached_content", "a cache made at another vendor can't be named here")
	}
	word(w, "safety_identifier", q.EndUser)
	if len(q.Metadata) > 0 {
		w.put("metadata", q.Metadata)
	}
	word(w, "service_tier", q.ServiceTier)
}

// include asks for what answers hold only on demand. Encrypted reasoning is
// asked for where the target's must be sent back: models that don't reason
// refuse the word.
func (w *writer) include(q *llm.Request) {
	var list []string
	if v := extra(q, "include"); v != nil {
		_ = json.Unmarshal(v, &list) // it was read as such a list
	}
	if w.t.Reasoning.Replay != "" {
		list = append(list, includeEncrypted)
	}
	if p := q.Sampling.LogProbs; p != nil && *p {
		list = append(list, includeLogprobs)
	}
	if len(list) > 0 {
		w.put("include", list)
	}
}

// extras writes back what came from this format and has no neutral word.
func (w *writer) extras(q *llm.Request) {
	for _, f := range q.Extra {
		switch {
		case f.Mark():
		case f.Format != llm.FormatResponses:
			w.lose(f.Name, "the field "+f.Name+" has no counterpart in the Responses API")
		case f.Name == "include", strings.HasPrefix(f.Name, "text."), strings.HasPrefix(f.Name, "reasoning."):
			// Written with what they are a part of.
		case f.Name == "stream_options" && !w.t.Stream:
		default:
			w.put(f.Name, jsontext.Value(f.Value))
		}
	}
}

// parts returns the kept members of an object field that the target takes.
func (w *writer) parts(q *llm.Request, name string) map[string]jsontext.Value {
	out := map[string]jsontext.Value{}
	for _, f := range q.Extra {
		member, ok := strings.CutPrefix(f.Name, name+".")
		if ok && f.Format == llm.FormatResponses && !w.refused(f.Name) {
			out[member] = jsontext.Value(f.Value)
		}
	}
	return out
}
