package responses

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// writer writes a request for a target.
type writer struct{ wire.Fields }

// Encode writes a request for a target.
func (Format) Encode(q *llm.Request, t wire.Target) (wire.Outbound, []wire.Downgrade, error) {
	w := &writer{wire.Fields{Target: t}}
	instructions, rest := w.split(q)
	format := w.format(q)
	if s := q.Output.Schema; q.Output.Kind == llm.OutputSchema && t.NoSchemaOutput {
		if instructions != "" {
			instructions += between
		}
		instructions += "Answer with one JSON object that fits this JSON Schema, and nothing else:\n" + string(s)
	}
	if word := wire.JSONWord(q.Output, rest); word != "" {
		// In the input, which is where it is looked for.
		rest = append([]llm.Message{{Role: llm.RoleDeveloper, Parts: []llm.Part{llm.Text{Text: word}}}}, rest...)
	}
	w.Put("model", t.Model)
	w.PutWord("instructions", instructions)
	if items := w.input(rest, continues(q)); len(items) > 0 {
		w.Put("input", items)
	}
	w.tools(q)
	w.text(q, format)
	w.reasoning(q)
	w.sampling(q)
	w.options(q)
	w.extras(q)
	body, err := w.Object(exact)
	if err != nil {
		return wire.Outbound{}, nil, err
	}
	return wire.Outbound{Path: path, Body: body}, w.Downgrades, nil
}

// EncodeConversation writes the value of the input field alone, as Encode does.
func (Format) EncodeConversation(q *llm.Request, t wire.Target) ([]byte, error) {
	w := &writer{wire.Fields{Target: t}}
	_, rest := w.split(q)
	items := w.input(rest, continues(q))
	if w.Err != nil {
		return nil, w.Err
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

// sampling writes the knobs of token choice; the format has only some of them.
func (w *writer) sampling(q *llm.Request) {
	s := q.Sampling
	wire.PutMaybe(&w.Fields, "temperature", s.Temperature)
	wire.PutMaybe(&w.Fields, "top_p", s.TopP)
	wire.PutMaybe(&w.Fields, "top_logprobs", s.TopLogProbs)
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
			w.Lose(lost.name, "the Responses API has no "+lost.name)
		}
	}
}

// minOutput is the smallest cap that OpenAI accepts here; below it the whole
// request is refused ("integer below minimum value").
const minOutput = 16

func (w *writer) options(q *llm.Request) {
	if w.Target.Stream {
		w.Put("stream", true)
	}
	if q.MaxOutput != nil {
		n := *q.MaxOutput
		if w.Target.MaxOutput > 0 && n > w.Target.MaxOutput {
			n = w.Target.MaxOutput
			w.Lose("max_output_tokens", "the model gives fewer tokens than the cap allows")
		} else if n < minOutput {
			n = minOutput
			w.Lose("max_output_tokens", "the Responses API takes no cap below 16 tokens")
		}
		w.Put("max_output_tokens", n)
	}
	w.include(q)
	store := q.Store != nil && *q.Store
	w.Put("store", store)
	w.PutWord("prompt_cache_key", q.Cache.Key)
	w.PutWord("prompt_cache_retention", q.Cache.Retention)
	if wire.CacheMarked(q) {
		w.Lose("cache_control", "prefixes are cached by themselves here: marks are not sent")
	}
	if q.Cache.Content != "" {
		w.Lose("cached_content", "a cache made at another vendor can't be named here")
	}
	w.PutWord("safety_identifier", q.EndUser)
	if len(q.Metadata) > 0 {
		w.Put("metadata", q.Metadata)
	}
	w.PutWord("service_tier", q.ServiceTier)
}

// include asks for what answers hold only on demand. Encrypted reasoning is
// asked for where the target's must be sent back: models that don't reason
// refuse the word.
func (w *writer) include(q *llm.Request) {
	var list []string
	if v := extra(q, "include"); v != nil {
		_ = json.Unmarshal(v, &list) // it was read as such a list
	}
	if w.Target.Reasoning.Replay != "" {
		list = append(list, includeEncrypted)
	}
	if p := q.Sampling.LogProbs; p != nil && *p {
		list = append(list, includeLogprobs)
	}
	if len(list) > 0 {
		w.Put("include", list)
	}
}

// extras writes back what came from this format and has no neutral word.
func (w *writer) extras(q *llm.Request) {
	for _, f := range q.Extra {
		switch {
		case f.Mark():
		case f.Format != llm.FormatResponses:
			w.Lose(f.Name, "the field "+f.Name+" has no counterpart in the Responses API")
		case f.Name == "include", strings.HasPrefix(f.Name, "text."), strings.HasPrefix(f.Name, "reasoning."):
			// Written with what they are a part of.
		case f.Name == "stream_options" && !w.Target.Stream:
		default:
			w.Put(f.Name, jsontext.Value(f.Value))
		}
	}
}

// parts returns the kept members of an object field that the target takes.
func (w *writer) parts(q *llm.Request, name string) map[string]jsontext.Value {
	out := map[string]jsontext.Value{}
	for _, f := range q.Extra {
		member, ok := strings.CutPrefix(f.Name, name+".")
		if ok && f.Format == llm.FormatResponses && !w.Refused(f.Name) {
			out[member] = jsontext.Value(f.Value)
		}
	}
	return out
}
