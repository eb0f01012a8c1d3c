package chat

import (
	"bytes"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

const path = "/chat/completions"

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
	if slices.Contains(w.t.Reject, name) {
		w.lose(name, "the model refuses the parameter "+name)
		return
	}
	if to, ok := w.t.Rename[name]; ok {
		name = to
	}
	w.fields = append(w.fields, field{name, value})
}

func (w *writer) lose(feature, detail string) {
	w.downgrades = append(w.downgrades, wire.Downgrade{Feature: feature, Detail: detail})
}

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
	w.put("model", t.Model)
	w.put("messages", w.messages(q.Messages))
	w.tools(q)
	w.output(q)
	w.reasoning(q)
	w.options(q)
	w.extra(q)
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

func (w *writer) bytes() ([]byte, error) {
	var b bytes.Buffer
	e := jsontext.NewEncoder(&b)
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return nil, err
	}
	for _, f := range w.fields {
		if err := e.WriteToken(jsontext.String(f.name)); err != nil {
			return nil, llm.Errorf(llm.KindBadRequest, "field %q: %w", f.name, err)
		}
		if err := json.MarshalEncode(e, f.value, json.Deterministic(true)); err != nil {
			return nil, llm.Errorf(llm.KindBadRequest, "field %q can't be written: %w", f.name, err)
		}
	}
	if err := e.WriteToken(jsontext.EndObject); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// EncodeConversation writes the value of the messages field alone.
func (Format) EncodeConversation(q *llm.Request, t wire.Target) ([]byte, error) {
	w := &writer{t: t}
	out := w.messages(q.Messages)
	if w.err != nil {
		return nil, w.err
	}
	return json.Marshal(out, json.Deterministic(true))
}

func (w *writer) tools(q *llm.Request) {
	if len(q.Tools) == 0 {
		return
	}
	if w.t.NoTools {
		if q.ToolChoice.Mode == llm.ToolRequired || q.ToolChoice.Mode == llm.ToolOne {
			w.refuse("tools", "the model "+w.t.Model+" can't call tools, and this request requires a call")
			return
		}
		w.lose("tools", "the model can't call tools")
		return
	}
	var out []any
	for _, t := range q.Tools {
		switch t.Kind {
		case llm.ToolBuiltin:
			if t.Format != llm.FormatChat {
				w.lose("tool:"+t.Name, "the tool "+t.Name+" is run by another vendor")
				continue
			}
			out = append(out, jsontext.Value(t.Raw))
		case llm.ToolCustom:
			c := outCustom{Name: w.t.Names.Out(t.Name), Description: t.Description, Format: t.Grammar}
			out = append(out, outTool{Type: "custom", Custom: &c})
		default:
			f := outFunction{Name: w.t.Names.Out(t.Name), Description: t.Description, Parameters: t.Schema, Strict: t.Strict}
			out = append(out, outTool{Type: "function", Function: &f})
		}
	}
	if len(out) == 0 {
		return
	}
	w.put("tools", out)
	w.toolChoice(q)
	maybe(w, "parallel_tool_calls", q.ParallelTools)
}

func (w *writer) toolChoice(q *llm.Request) {
	c := q.ToolChoice
	switch c.Mode {
	case llm.ToolAuto:
		w.put("tool_choice", "auto")
	case llm.ToolNone:
		w.put("tool_choice", "none")
	case llm.ToolRequired:
		w.put("tool_choice", "required")
	case llm.ToolOne:
		if len(c.Names) == 1 {
			w.put("tool_choice", w.named(q, c.Names[0]))
		}
	case llm.ToolAllowed:
		allowed := outAllowed{Mode: "auto"}
		if c.Required {
			allowed.Mode = "required"
		}
		for _, n := range c.Names {
			allowed.Tools = append(allowed.Tools, w.named(q, n))
		}
		w.put("tool_choice", outNamed{Type: "allowed_tools", Allowed: &allowed})
	}
}

func (w *writer) named(q *llm.Request, name string) outNamed {
	n := &outName{Name: w.t.Names.Out(name)}
	for _, t := range q.Tools {
		if t.Name == name && t.Kind == llm.ToolCustom {
			return outNamed{Type: "custom", Custom: n}
		}
	}
	return outNamed{Type: "function", Function: n}
}

func (w *writer) output(q *llm.Request) {
	o := q.Output
	switch {
	case o.Kind == llm.OutputJSON:
		w.put("response_format", outFormat{Type: "json_object"})
	case o.Kind == llm.OutputSchema && w.t.NoSchemaOutput:
		w.put("response_format", outFormat{Type: "json_object"})
		w.lose("json_schema", "the model can't be held to a schema: it was asked for any JSON, and told the schema in words")
		w.instruct(o.Schema)
	case o.Kind == llm.OutputSchema:
		name := o.Name
		if name == "" {
			name = "answer"
		}
		w.put("response_format", outFormat{Type: "json_schema", Schema: &outSchema{name, o.Description, o.Schema, o.Strict}})
	}
	word(w, "verbosity", o.Verbosity)
	if len(o.Modalities) > 0 {
		w.put("modalities", o.Modalities)
	}
}

// instruct tells the wanted schema in the conversation, at its head.
func (w *writer) instruct(schema []byte) {
	for i, f := range w.fields {
		if messages, ok := f.value.([]outMessage); ok && f.name == "messages" {
			m := outMessage{Role: string(w.role(llm.RoleSystem)), Content: scan.Quote("Answer with one JSON object that fits this JSON Schema, and nothing else:\n" + string(schema))}
			w.fields[i].value = append([]outMessage{m}, messages...)
		}
	}
}

// reasoning says how much to think in the target's words.
func (w *writer) reasoning(q *llm.Request) {
	r, style := q.Reasoning, w.t.Reasoning
	if r.Mode == llm.ReasoningDefault && r.Effort == "" && r.Budget == nil && r.Summary == "" {
		return
	}
	off := r.Mode == llm.ReasoningOff || r.Effort == llm.EffortNone
	if off && style.CannotDisable {
		w.lose("reasoning_off", "the model always thinks")
		return
	}
	effort := r.Effort
	limit := w.t.MaxOutput
	if q.MaxOutput != nil {
		limit = *q.MaxOutput
	}
	if effort == "" && r.Budget != nil {
		effort = llm.EffortOf(*r.Budget, limit)
	}
	switch style.Control {
	case "none":
		w.lose("reasoning", "how much the model thinks can't be chosen")
	case "object":
		w.put("reasoning", w.reasoningObject(r, effort, off))
	case "toggle":
		o := outThinking{Type: "enabled"}
		if off {
			o.Type = "disabled"
		}
		w.put("thinking", o)
		if !off && effort != "" && len(style.Efforts) > 0 {
			w.put("reasoning_effort", llm.NearestEffort(effort, style.Efforts))
		}
	case "budget":
		o := outThinking{Type: "enabled", Budget: r.Budget}
		if off {
			o = outThinking{Type: "disabled"}
		} else if o.Budget == nil && effort != "" {
			b := llm.BudgetOf(effort, max(limit, 8192))
			o.Budget = &b
		}
		w.put("thinking", o)
	default:
		switch {
		case off:
			effort = llm.EffortNone
		case effort == "" && r.Mode == llm.ReasoningDefault, effort == "" && r.Mode == llm.ReasoningAdaptive:
			return
		case effort == "":
			effort = llm.EffortMedium
		}
		w.put("reasoning_effort", llm.NearestEffort(effort, style.Efforts))
	}
}

func (w *writer) reasoningObject(r llm.ReasoningConfig, effort llm.Effort, off bool) outReasoning {
	o := outReasoning{}
	yes, no := true, false
	switch {
	case off:
		o.Enabled = &no
	case r.Budget != nil && *r.Budget > 0:
		o.MaxTokens = r.Budget
	case effort != "":
		o.Effort = string(llm.NearestEffort(effort, w.t.Reasoning.Efforts))
	default:
		o.Enabled = &yes
	}
	o.Exclude = r.Summary == "omitted"
	return o
}

func (w *writer) options(q *llm.Request) {
	t := w.t
	if t.Stream {
		w.put("stream", true)
		if t.StreamUsage {
			w.put("stream_options", outStream{IncludeUsage: true})
		}
	}
	if q.MaxOutput != nil {
		n := *q.MaxOutput
		if t.MaxOutput > 0 && n > t.MaxOutput {
			n = t.MaxOutput
			w.lose("max_tokens", "the model gives at most that many tokens")
		}
		w.put("max_tokens", n)
	}
	if len(q.Stop) > 0 {
		stop := q.Stop
		if len(stop) > 4 {
			stop = stop[:4]
			w.lose("stop", "at most four stop sequences can be said")
		}
		w.put("stop", stop)
	}
	s := q.Sampling
	maybe(w, "temperature", s.Temperature)
	maybe(w, "top_p", s.TopP)
	if s.TopK != nil {
		if w.knows("top_k") {
			w.put("top_k", *s.TopK)
		} else {
			w.lose("top_k", "Chat Completions has no top_k")
		}
	}
	maybe(w, "frequency_penalty", s.FrequencyPenalty)
	maybe(w, "presence_penalty", s.PresencePenalty)
	maybe(w, "seed", s.Seed)
	maybe(w, "n", s.N)
	maybe(w, "logprobs", s.LogProbs)
	maybe(w, "top_logprobs", s.TopLogProbs)
	if len(s.LogitBias) > 0 {
		w.put("logit_bias", jsontext.Value(s.LogitBias))
	}
	word(w, "user", q.EndUser)
	word(w, "prompt_cache_key", q.Cache.Key)
	word(w, "prompt_cache_retention", q.Cache.Retention)
	if q.Cache.Content != "" {
		w.lose("cached_content", "a cache made at another vendor can't be named here")
	}
	if len(q.Metadata) > 0 {
		w.put("metadata", q.Metadata)
	}
	word(w, "service_tier", q.ServiceTier)
	maybe(w, "store", q.Store)
}

// knows says whether the target's vendor has extended the format by a field.
func (w *writer) knows(name string) bool { _, ok := w.t.Rename[name]; return ok }

// extra writes back what came from this format and has no neutral word.
func (w *writer) extra(q *llm.Request) {
	for _, f := range q.Extra {
		if f.Format == llm.FormatChat {
			w.put(f.Name, jsontext.Value(f.Value))
			continue
		}
		if !f.Mark() {
			w.lose(f.Name, "the field "+f.Name+" has no counterpart in Chat Completions")
		}
	}
}
