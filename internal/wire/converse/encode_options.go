package converse

import (
	"slices"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// Fields of single models, which the API passes on as they are.
const (
	thinkingField  = "additionalModelRequestFields.thinking"
	reasoningField = "additionalModelRequestFields.reasoningConfig"
	topKField      = "additionalModelRequestFields.top_k"
	effortField    = "outputConfig.effort"
	choiceField    = "toolConfig.toolChoice"
)

// defaultMax is the output cap where a model that thinks by a budget needs one
// and nobody said any.
const defaultMax = 32_000

// limit sets the output cap. Unsaid it is the model's own.
func (e *encoding) limit() error {
	n := e.req.MaxOutput
	if n == nil {
		return nil
	}
	most := *n
	if e.t.MaxOutput > 0 && most > e.t.MaxOutput {
		most = e.t.MaxOutput
		e.drop("max_tokens", "the model writes at most %d tokens", most)
	}
	if most < 1 {
		return wire.BadRequest("max_tokens", "max_tokens: the API takes no output cap below 1")
	}
	e.max = &most
	return nil
}

// cap is the output cap that counts.
func (e *encoding) cap() int {
	switch {
	case e.max != nil:
		return *e.max
	case e.t.MaxOutput > 0:
		return min(defaultMax, e.t.MaxOutput)
	}
	return defaultMax
}

// shape says what the answer must look like: by the API's own field, by a tool
// that stands for the answer, or in words.
func (e *encoding) shape() error {
	o := e.req.Output
	for _, m := range o.Modalities {
		if m != "text" {
			e.drop("modalities", "the model answers in text alone")
		}
	}
	switch {
	case o.Kind == llm.OutputJSON:
		e.instruct("Answer with one JSON object and with nothing else.")
		e.drop("json_object", "JSON is asked for in words, not enforced")
	case o.Kind != llm.OutputSchema:
	case len(o.Schema) == 0:
		return wire.BadRequest("response_format", "response_format: the schema of the answer is missing")
	case !e.t.NoSchemaOutput:
		f := textFormat{Type: "json_schema"}
		s := &f.Structure.Schema
		s.Schema, s.Description = string(scan.Closed(o.Schema)), o.Description
		if o.Name != "" {
			s.Name = (*wire.ToolNames)(nil).Out(o.Name)
		}
		return e.put("outputConfig.textFormat", f)
	case e.answersByTool():
		e.answerByTool(o)
	default:
		e.instruct("Answer with one JSON value that keeps this JSON Schema, and with nothing else:\n" + string(o.Schema))
		e.drop("json_schema", "the schema is given in words, not enforced")
	}
	return nil
}

// answersByTool says whether a tool stands for the answer.
func (e *encoding) answersByTool() bool {
	o := e.req.Output
	return o.Kind == llm.OutputSchema && e.t.NoSchemaOutput && !e.t.NoTools && !slices.Contains(e.t.Reject, choiceField) && scan.AnswersObject(o.Schema)
}

func (e *encoding) instruct(s string) { e.system = append(e.system, textBlock(s)) }

// answerByTool has the model answer by calling a tool whose input is the
// schema. Tools of the client stay callable beside it.
func (e *encoding) answerByTool(o llm.OutputFormat) {
	description := "Gives the answer."
	if o.Description != "" {
		description += " " + o.Description
	}
	spec := &toolSpec{Name: e.t.Names.Out(answerTool), Description: description, Schema: inputSchema{objectSchema(o.Schema)}}
	none := e.req.ToolChoice.Mode == llm.ToolNone || len(e.req.Tools) == 0
	e.tools = append(e.tools, &tool{Spec: spec})
	switch {
	case none || len(e.tools) == 1:
		e.choice = &toolChoice{Tool: &toolName{spec.Name}}
	case !e.forced():
		e.choice = &toolChoice{Any: &struct{}{}}
	}
}

// reason says how much the model is to think.
func (e *encoding) reason() error {
	r, style := e.req.Reasoning, e.t.Reasoning
	on := r.Mode == llm.ReasoningOn || r.Mode == llm.ReasoningAdaptive
	if r.Budget != nil && *r.Budget == 0 || r.Effort == llm.EffortNone && !slices.Contains(style.Efforts, llm.EffortNone) {
		on, r.Mode, r.Effort = false, llm.ReasoningOff, ""
	}
	switch {
	case !on && r.Mode != llm.ReasoningOff && r.Effort == "":
		return nil
	case style.Control == "none":
		e.drop("reasoning", "how much the model thinks can't be chosen")
		return nil
	case r.Mode == llm.ReasoningOff && style.CannotDisable:
		e.drop("reasoning", "the model always thinks")
		return nil
	case r.Mode == llm.ReasoningOff:
		return e.unreason()
	}
	effort := r.Effort
	if effort == "" && r.Budget != nil {
		effort = llm.EffortOf(*r.Budget, e.cap())
	}
	switch style.Control {
	case "budget":
		if !on {
			e.drop("effort", "the model takes no level of effort")
			return nil
		}
		e.budget(r)
	case "adaptive", "toggle":
		if on {
			e.think = &thinking{Type: "adaptive"}
			if style.Control == "toggle" {
				e.think.Type = "enabled"
			}
		}
		if err := e.effort(effort); err != nil {
			return err
		}
	case "object":
		return e.reasonAsObject(effort)
	default:
		if effort == "" {
			effort = llm.EffortMedium
		}
		return e.effort(effort)
	}
	if e.think == nil {
		return nil
	}
	switch {
	case r.Summary == "omitted":
		e.think.Display = "omitted"
	case r.Summary != "" && e.think.Type == "adaptive":
		// Newer models show nothing unasked; the others always do.
		e.think.Display = "summarized"
	}
	return e.put(thinkingField, e.think)
}

// unreason says that the model shall not think, where that can be said.
func (e *encoding) unreason() error {
	switch style := e.t.Reasoning; {
	case style.Control == "budget" || style.Control == "adaptive" || style.Control == "toggle":
		return e.put(thinkingField, thinking{Type: "disabled"})
	case style.Control == "object":
		return e.put(reasoningField, typed{"disabled"})
	case slices.Contains(style.Efforts, llm.EffortNone):
		return e.put(effortField, llm.EffortNone)
	}
	e.drop("reasoning", "thinking can't be turned off")
	return nil
}

// reasonAsObject is how models are told that take an object of a switch and a
// level. At the highest level they choose their own sampling and output cap
// (user guide of Amazon's models, extended thinking).
func (e *encoding) reasonAsObject(effort llm.Effort) error {
	if effort == "" {
		effort = llm.EffortMedium
	}
	type config struct {
		Type   string `json:"type"`
		Effort string `json:"maxReasoningEffort"`
	}
	c := config{"enabled", e.level(effort, []llm.Effort{llm.EffortLow, llm.EffortMedium, llm.EffortHigh})}
	if c.Effort == string(llm.EffortHigh) {
		if e.max != nil {
			e.drop("max_tokens", "a model that thinks at its highest level takes no output cap")
			e.max = nil
		}
		e.think = &thinking{Type: "enabled"} // for what it means to sampling
	}
	return e.put(reasoningField, c)
}

func (e *encoding) effort(asked llm.Effort) error {
	if asked == "" {
		return nil
	}
	return e.put(effortField, e.level(asked, llm.Efforts[2:])) // what the API has words for: low and up
}

// level is the level that the model takes for the one asked for: the nearest,
// of two the weaker.
func (e *encoding) level(asked llm.Effort, usual []llm.Effort) string {
	taken := e.t.Reasoning.Efforts
	if len(taken) == 0 {
		taken = usual
	}
	best := llm.NearestEffort(asked, taken)
	if best != asked {
		e.drop("effort", "the level %s became %s", asked, best)
	}
	return string(best)
}

// budget turns thinking on by a number of tokens, which counts inside the output
// cap: the cap is raised to leave room for the answer.
func (e *encoding) budget(r llm.ReasoningConfig) {
	switch {
	case e.forced():
		e.drop("reasoning", "the model can't be made to call a tool while it thinks by a budget")
		return
	case e.turns[len(e.turns)-1].Role == roleAssistant:
		e.drop("reasoning", "the model can't think before it goes on from a given beginning")
		return
	case e.unthought():
		e.drop("reasoning", "the turn that goes on began without this model's reasoning")
		return
	}
	style, most := e.t.Reasoning, e.cap()
	n := -1
	if r.Budget != nil {
		n = *r.Budget
	} else if r.Effort != "" {
		n = llm.BudgetOf(r.Effort, most)
	}
	if n < 0 {
		n = llm.BudgetOf(llm.EffortMedium, most)
	}
	least := max(llm.MinBudget, style.MinBudget)
	if style.MaxBudget > 0 {
		n = min(n, style.MaxBudget)
	}
	n = max(n, least)
	if n >= most {
		most += n
		if e.t.MaxOutput > 0 {
			most = min(most, e.t.MaxOutput)
		}
	}
	if n >= most {
		n = most - max(most/5, 1)
	}
	if n < least {
		e.drop("reasoning", "the output cap leaves no room for thinking")
		return
	}
	e.max = &most
	e.think = &thinking{Type: "enabled", Budget: &n}
}

// sample sets the knobs of token choice that the model takes. Models with a
// thinking object choose for themselves while they think, but for a high top_p,
// and otherwise take temperature or top_p (Anthropic's docs, extended thinking).
func (e *encoding) sample() error {
	s, thinks, tempered := e.req.Sampling, e.think != nil, false
	if s.Temperature != nil {
		v := min(max(*s.Temperature, 0), 1)
		switch {
		case thinks && *s.Temperature == 1: // what it is anyway
		case thinks:
			e.drop("temperature", "a thinking model takes no temperature")
		default:
			if v != *s.Temperature {
				e.drop("temperature", "temperatures end at 1: %g was brought there", *s.Temperature)
			}
			tempered = true
			if err := e.put("inferenceConfig.temperature", v); err != nil {
				return err
			}
		}
	}
	if s.TopP != nil {
		v, both := min(max(*s.TopP, 0), 1), tempered && e.thinker()
		switch {
		case thinks && (v < 0.95 || e.think.Budget == nil && e.think.Type == "enabled"):
			e.drop("top_p", "a thinking model takes no such top_p")
		case both && v == 1: // what it is anyway
		case both:
			e.drop("top_p", "the model takes temperature or top_p, not both")
		default:
			if v != *s.TopP {
				e.drop("top_p", "top_p ends at 1: %g was brought there", *s.TopP)
			}
			if err := e.put("inferenceConfig.topP", v); err != nil {
				return err
			}
		}
	}
	if s.TopK != nil {
		if thinks {
			e.drop("top_k", "a thinking model takes no top_k")
		} else if err := e.put(topKField, *s.TopK); err != nil {
			return err
		}
	}
	var stop []string
	for _, x := range e.req.Stop {
		if blank(x) {
			e.drop("stop", "stop sequences of spaces alone are refused")
			continue
		}
		stop = append(stop, x)
	}
	if len(stop) == 0 {
		return nil
	}
	return e.put("inferenceConfig.stopSequences", stop)
}

// thinker says whether the model is one that thinks by a budget or as much as it
// wants.
func (e *encoding) thinker() bool {
	return e.t.Reasoning.Control == "budget" || e.t.Reasoning.Control == "adaptive"
}
