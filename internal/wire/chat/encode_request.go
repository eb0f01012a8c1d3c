package chat

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

const path = "/chat/completions"

// writer writes a request for a target.
type writer struct{ wire.Fields }

// Encode writes a request for a target.
func (Format) Encode(q *llm.Request, t wire.Target) (wire.Outbound, []wire.Downgrade, error) {
	w := &writer{wire.Fields{Target: t}}
	w.Put("model", t.Model)
	messages := w.messages(q.Messages)
	if q.Output.Kind == llm.OutputSchema && t.NoSchemaOutput {
		messages = append([]outMessage{w.instruction(q.Output.Schema)}, messages...)
	}
	if word := wire.JSONWord(q.Output, q.Messages); word != "" {
		messages = append([]outMessage{{Role: string(w.role(llm.RoleSystem)), Content: scan.Quote(word)}}, messages...)
	}
	w.Put("messages", messages)
	w.tools(q)
	w.output(q)
	w.reasoning(q)
	w.options(q)
	w.extra(q)
	body, err := w.Object(json.Deterministic(true))
	if err != nil {
		return wire.Outbound{}, nil, err
	}
	return wire.Outbound{Path: path, Body: body}, w.Downgrades, nil
}

// EncodeConversation writes the value of the messages field alone.
func (Format) EncodeConversation(q *llm.Request, t wire.Target) ([]byte, error) {
	t.NoFreeText = false // the client's own tools stand beside it
	w := &writer{wire.Fields{Target: t}}
	out := w.messages(q.Messages)
	if w.Err != nil {
		return nil, w.Err
	}
	return json.Marshal(out, json.Deterministic(true))
}

func (w *writer) tools(q *llm.Request) {
	if len(q.Tools) == 0 {
		return
	}
	if w.Target.NoTools {
		if q.ToolChoice.Demands() {
			w.Refuse("tools", "the model "+w.Target.Model+" can't call tools, and this request requires a call")
			return
		}
		w.Lose("tools", "the model can't call tools")
		return
	}
	var out []any
	for _, t := range q.Tools {
		switch t.Kind {
		case llm.ToolBuiltin:
			if t.Format != llm.FormatChat {
				w.Lose("tool:"+t.Name, "the tool "+t.Name+" is run by another vendor")
				continue
			}
			out = append(out, jsontext.Value(t.Raw))
		case llm.ToolCustom:
			if w.Target.NoFreeText {
				f := outFunction{Name: w.Target.Names.OutFreeText(t.Name), Description: w.FreeTextDescription(t), Parameters: wire.FreeTextSchema}
				out = append(out, outTool{Type: "function", Function: &f})
				continue
			}
			c := outCustom{Name: w.Target.Names.Out(t.Name), Description: t.Description, Format: t.Grammar}
			out = append(out, outTool{Type: "custom", Custom: &c})
		default:
			f := outFunction{Name: w.Target.Names.Out(t.Name), Description: t.Description, Parameters: t.Schema, Strict: t.Strict}
			out = append(out, outTool{Type: "function", Function: &f})
		}
	}
	if len(out) == 0 {
		if q.ToolChoice.Demands() {
			w.Refuse("tools", "this request requires a call, and none of its tools can be run here")
		}
		return
	}
	w.Put("tools", out)
	w.toolChoice(q)
	wire.PutMaybe(&w.Fields, "parallel_tool_calls", q.ParallelTools)
}

func (w *writer) toolChoice(q *llm.Request) {
	c := q.ToolChoice
	switch c.Mode {
	case llm.ToolAuto:
		w.Put("tool_choice", "auto")
	case llm.ToolNone:
		w.Put("tool_choice", "none")
	case llm.ToolRequired:
		w.Put("tool_choice", "required")
	case llm.ToolOne:
		if len(c.Names) == 1 {
			w.Put("tool_choice", w.named(q, c.Names[0]))
		}
	case llm.ToolAllowed:
		allowed := outAllowed{Mode: "auto"}
		if c.Required {
			allowed.Mode = "required"
		}
		for _, n := range c.Names {
			allowed.Tools = append(allowed.Tools, w.named(q, n))
		}
		w.Put("tool_choice", outNamed{Type: "allowed_tools", Allowed: &allowed})
	}
}

func (w *writer) named(q *llm.Request, name string) outNamed {
	n := &outName{Name: w.Target.Names.Out(name)}
	for _, t := range q.Tools {
		if t.Name != name || t.Kind != llm.ToolCustom {
			continue
		}
		if w.Target.NoFreeText {
			return outNamed{Type: "function", Function: &outName{Name: w.Target.Names.OutFreeText(name)}}
		}
		return outNamed{Type: "custom", Custom: n}
	}
	return outNamed{Type: "function", Function: n}
}

func (w *writer) output(q *llm.Request) {
	o := q.Output
	switch {
	case o.Kind == llm.OutputJSON:
		w.Put("response_format", outFormat{Type: "json_object"})
	case o.Kind == llm.OutputSchema && w.Target.NoSchemaOutput:
		w.Put("response_format", outFormat{Type: "json_object"})
		w.Lose("json_schema", "the model can't be held to a schema: it was asked for any JSON, and told the schema in words")
	case o.Kind == llm.OutputSchema:
		name := o.Name
		if name == "" {
			name = "answer"
		}
		w.Put("response_format", outFormat{Type: "json_schema", Schema: &outSchema{name, o.Description, o.Schema, o.Strict}})
	}
	w.PutWord("verbosity", o.Verbosity)
	if len(o.Modalities) > 0 {
		w.Put("modalities", o.Modalities)
	}
}

// instruction tells the wanted schema in words.
func (w *writer) instruction(schema []byte) outMessage {
	return outMessage{Role: string(w.role(llm.RoleSystem)), Content: scan.Quote("Answer with one JSON object that fits this JSON Schema, and nothing else:\n" + string(schema))}
}

// reasoning says how much to think in the target's words.
func (w *writer) reasoning(q *llm.Request) {
	r, style := q.Reasoning, w.Target.Reasoning
	if r.Mode == llm.ReasoningDefault && r.Effort == "" && r.Budget == nil && r.Summary == "" {
		return
	}
	off := r.Mode == llm.ReasoningOff || r.Effort == llm.EffortNone
	if off && style.CannotDisable {
		w.Lose("reasoning_off", "the model always thinks")
		return
	}
	effort := r.Effort
	limit := w.Target.MaxOutput
	if q.MaxOutput != nil {
		limit = *q.MaxOutput
	}
	if effort == "" && r.Budget != nil {
		effort = llm.EffortOf(*r.Budget, limit)
	}
	switch style.Control {
	case "none":
		w.Lose("reasoning", "how much the model thinks can't be chosen")
	case "object":
		w.Put("reasoning", w.reasoningObject(r, effort, off))
	case "toggle":
		o := outThinking{Type: "enabled"}
		if off {
			o.Type = "disabled"
		}
		w.Put("thinking", o)
		w.level(effort, off)
	case "switch":
		w.flip(style.Switch, !off)
		w.level(effort, off)
		if style.BudgetField != "" && !off {
			w.budget(r, effort, limit)
		}
	case "budget":
		o := outThinking{Type: "enabled", Budget: r.Budget}
		if off {
			o = outThinking{Type: "disabled"}
		} else if o.Budget == nil && effort != "" {
			b := llm.BudgetOf(effort, max(limit, 8192))
			o.Budget = &b
		}
		w.Put("thinking", o)
	default:
		switch {
		case off:
			effort = llm.EffortNone
		case effort == "" && r.Mode == llm.ReasoningDefault, effort == "" && r.Mode == llm.ReasoningAdaptive:
			return
		case effort == "":
			effort = llm.EffortMedium
		}
		w.Put("reasoning_effort", style.Word(effort))
	}
}

// level says how much to think beside the field that says whether.
func (w *writer) level(effort llm.Effort, off bool) {
	if style := w.Target.Reasoning; !off && effort != "" && len(style.Efforts) > 0 {
		w.Put("reasoning_effort", style.Word(effort))
	}
}

// flip sets the field that says whether to think; one level of nesting is all
// that vendors use.
func (w *writer) flip(name string, on bool) {
	if outer, inner, nested := strings.Cut(name, "."); nested {
		w.Put(outer, map[string]bool{inner: on})
		return
	}
	w.Put(name, on)
}

// budget limits the thinking in tokens.
func (w *writer) budget(r llm.ReasoningConfig, effort llm.Effort, limit int) {
	style := w.Target.Reasoning
	n := 0
	switch {
	case r.Budget != nil:
		n = *r.Budget
	case effort != "":
		n = llm.BudgetOf(effort, max(limit, 8192))
	}
	if style.MaxBudget > 0 {
		n = min(n, style.MaxBudget)
	}
	if n = max(n, style.MinBudget); n > 0 {
		w.Put(style.BudgetField, n)
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
		o.Effort = string(llm.NearestEffort(effort, w.Target.Reasoning.Efforts))
	default:
		o.Enabled = &yes
	}
	o.Exclude = r.Summary == "omitted"
	return o
}

func (w *writer) options(q *llm.Request) {
	t := w.Target
	if t.Stream {
		w.Put("stream", true)
		if t.StreamUsage {
			w.Put("stream_options", outStream{IncludeUsage: true})
		}
	}
	if q.MaxOutput != nil {
		n := *q.MaxOutput
		if t.MaxOutput > 0 && n > t.MaxOutput {
			n = t.MaxOutput
			w.Lose("max_tokens", "the model gives at most that many tokens")
		}
		w.Put("max_tokens", n)
	}
	if len(q.Stop) > 0 {
		stop := q.Stop
		if len(stop) > 4 {
			stop = stop[:4]
			w.Lose("stop", "at most four stop sequences can be said")
		}
		w.Put("stop", stop)
	}
	s := q.Sampling
	wire.PutMaybe(&w.Fields, "temperature", s.Temperature)
	wire.PutMaybe(&w.Fields, "top_p", s.TopP)
	if s.TopK != nil {
		if w.knows("top_k") {
			w.Put("top_k", *s.TopK)
		} else {
			w.Lose("top_k", "Chat Completions has no top_k")
		}
	}
	wire.PutMaybe(&w.Fields, "frequency_penalty", s.FrequencyPenalty)
	wire.PutMaybe(&w.Fields, "presence_penalty", s.PresencePenalty)
	wire.PutMaybe(&w.Fields, "seed", s.Seed)
	wire.PutMaybe(&w.Fields, "n", s.N)
	wire.PutMaybe(&w.Fields, "logprobs", s.LogProbs)
	wire.PutMaybe(&w.Fields, "top_logprobs", s.TopLogProbs)
	if len(s.LogitBias) > 0 {
		w.Put("logit_bias", jsontext.Value(s.LogitBias))
	}
	w.PutWord("user", q.EndUser)
	w.PutWord("prompt_cache_key", q.Cache.Key)
	w.PutWord("prompt_cache_retention", q.Cache.Retention)
	if wire.CacheMarked(q) {
		w.Lose("cache_control", "prefixes are cached by themselves here: marks are not sent")
	}
	if q.Cache.Content != "" {
		w.Lose("cached_content", "a cache made at another vendor can't be named here")
	}
	if len(q.Metadata) > 0 {
		w.Put("metadata", q.Metadata)
	}
	w.PutWord("service_tier", q.ServiceTier)
	wire.PutMaybe(&w.Fields, "store", q.Store)
}

// knows says whether the target's vendor has extended the format by a field.
func (w *writer) knows(name string) bool { _, ok := w.Target.Rename[name]; return ok }

// extra writes back what came from this format and has no neutral word.
func (w *writer) extra(q *llm.Request) {
	for _, f := range q.Extra {
		if f.Format == llm.FormatChat {
			w.Put(f.Name, jsontext.Value(f.Value))
			continue
		}
		if !f.Mark() {
			w.Lose(f.Name, "the field "+f.Name+" has no counterpart in Chat Completions")
		}
	}
}
