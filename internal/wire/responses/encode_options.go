package responses

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

func (w *writer) tools(q *llm.Request) {
	if len(q.Tools) == 0 {
		return
	}
	must := q.ToolChoice.Demands()
	if w.Target.NoTools {
		if must {
			w.Refuse("tools", "the model "+w.Target.Model+" can't call tools, and this request requires a call")
		}
		w.Lose("tools", "the model can't call tools")
		return
	}
	out := w.toolList(q)
	if len(out) == 0 {
		if must {
			w.Refuse("tools", "this request requires a call, and none of its tools can be run here")
		}
		return
	}
	w.Put("tools", out)
	if c := w.toolChoice(q); c != nil {
		w.Put("tool_choice", c)
	}
	wire.PutMaybe(&w.Fields, "parallel_tool_calls", q.ParallelTools)
}

// noParameters is the schema of a tool that takes nothing.
var noParameters = jsontext.Value(`{"type":"object","properties":{}}`)

func (w *writer) toolList(q *llm.Request) []any {
	out := []any{}
	for _, t := range q.Tools {
		switch t.Kind {
		case llm.ToolBuiltin:
			if t.Format != llm.FormatResponses {
				w.Lose("tool:"+t.Name, "the tool "+t.Name+" is run by another vendor")
				continue
			}
			out = append(out, jsontext.Value(t.Raw))
		case llm.ToolCustom:
			out = append(out, outTool{Type: "custom", Name: w.Target.Names.Out(t.Name), Description: t.Description, Format: t.Grammar})
		default:
			f := outTool{Type: "function", Name: w.Target.Names.Out(t.Name), Description: t.Description, Parameters: t.Schema, Strict: t.Strict}
			if f.Parameters == nil {
				f.Parameters = noParameters
			}
			if f.Strict == nil {
				// Here strict is the default, and makes optional arguments required;
				// in every other format it isn't.
				f.Strict = new(bool)
			}
			out = append(out, f)
		}
	}
	return out
}

func (w *writer) toolChoice(q *llm.Request) any {
	c := q.ToolChoice
	switch c.Mode {
	case llm.ToolAuto:
		return "auto"
	case llm.ToolNone:
		return "none"
	case llm.ToolRequired:
		return "required"
	case llm.ToolOne:
		if len(c.Names) > 0 {
			return w.named(q, c.Names[0])
		}
	case llm.ToolAllowed:
		allowed := outAllowed{Type: "allowed_tools", Mode: "auto", Tools: []outNamed{}}
		if c.Required {
			allowed.Mode = "required"
		}
		for _, n := range c.Names {
			allowed.Tools = append(allowed.Tools, w.named(q, n))
		}
		return allowed
	}
	return nil
}

func (w *writer) named(q *llm.Request, name string) outNamed {
	for _, t := range q.Tools {
		if t.Name != name {
			continue
		}
		switch t.Kind {
		case llm.ToolCustom:
			return outNamed{Type: "custom", Name: w.Target.Names.Out(name)}
		case llm.ToolBuiltin:
			return outNamed{Type: name}
		}
	}
	return outNamed{Type: "function", Name: w.Target.Names.Out(name)}
}

// format says what the text of the answer must look like; nil when it may look
// like anything.
func (w *writer) format(q *llm.Request) any {
	o := q.Output
	if slices.ContainsFunc(o.Modalities, func(m string) bool { return m != "text" }) {
		w.Lose("modalities", "the Responses API answers in text")
	}
	switch {
	case o.Kind == llm.OutputJSON:
		return outFormat{Type: "json_object"}
	case o.Kind == llm.OutputSchema && w.Target.NoSchemaOutput:
		w.Lose("json_schema", "the model can't be held to a schema: it was asked for any JSON, and told the schema in words")
		return outFormat{Type: "json_object"}
	case o.Kind == llm.OutputSchema:
		name := o.Name
		if name == "" {
			name = "answer"
		}
		return outFormat{Type: "json_schema", Name: name, Description: o.Description, Schema: o.Schema, Strict: o.Strict}
	}
	return nil
}

// object is a field whose value has members.
type object map[string]any

func (w *writer) member(o object, name, member string, value any) {
	if !w.Refused(name + "." + member) {
		o[member] = value
	}
}

func (w *writer) object(q *llm.Request, name string) object {
	o := object{}
	for member, v := range w.parts(q, name) {
		o[member] = v
	}
	return o
}

func (w *writer) text(q *llm.Request, format any) {
	o := w.object(q, "text")
	if format != nil {
		w.member(o, "text", "format", format)
	}
	if v := q.Output.Verbosity; v != "" {
		w.member(o, "text", "verbosity", v)
	}
	if len(o) > 0 {
		w.Put("text", o)
	}
}

// reasoning says how much to think, and whether to show it. Summaries are asked
// for where the client did alone: OpenAI refuses the whole request of an
// organization that isn't verified for them ("Your organization must be verified
// to generate reasoning summaries"), and Chat's clients have no word to ask.
func (w *writer) reasoning(q *llm.Request) {
	o := w.object(q, "reasoning")
	if e := w.effort(q); e != "" {
		w.member(o, "reasoning", "effort", e)
	}
	if s := q.Reasoning.Summary; s != "" && s != "omitted" && w.Target.Reasoning.Control != "none" {
		w.member(o, "reasoning", "summary", s)
	}
	if len(o) > 0 {
		w.Put("reasoning", o)
	}
}

// effort is the level to ask for; "" leaves it to the model.
func (w *writer) effort(q *llm.Request) llm.Effort {
	r, style := q.Reasoning, w.Target.Reasoning
	if r.Mode == llm.ReasoningDefault && r.Effort == "" && r.Budget == nil {
		return ""
	}
	off := r.Mode == llm.ReasoningOff || r.Effort == llm.EffortNone
	switch {
	case style.Control == "none":
		if !off {
			w.Lose("reasoning", "how much the model thinks can't be chosen")
		}
		return ""
	case off && style.CannotDisable:
		w.Lose("reasoning_off", "the model always thinks")
		return ""
	case off:
		return llm.NearestEffort(llm.EffortNone, style.Efforts)
	case r.Effort != "":
		return llm.NearestEffort(r.Effort, style.Efforts)
	case r.Budget != nil:
		limit := w.Target.MaxOutput
		if q.MaxOutput != nil {
			limit = *q.MaxOutput
		}
		return llm.NearestEffort(llm.EffortOf(*r.Budget, limit), style.Efforts)
	case r.Mode == llm.ReasoningOn:
		return llm.NearestEffort(llm.EffortMedium, style.Efforts)
	}
	return ""
}
