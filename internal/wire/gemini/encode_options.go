package gemini

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
)

// tools writes the tools and which of them may be called.
func (e *encoding) tools() {
	q := e.q
	if len(q.Tools) == 0 {
		return
	}
	if e.t.NoTools {
		if q.ToolChoice.Demands() {
			e.Refuse("tools", "the model "+e.t.Model+" can't call tools, and this request requires a call")
			return
		}
		e.Lose("tools", "the model can't call tools")
		return
	}
	var functions []declaration
	var own []jsontext.Value
	strict := true
	for _, t := range q.Tools {
		switch t.Kind {
		case llm.ToolBuiltin:
			if t.Format != llm.FormatGemini {
				e.Lose("tool:"+t.Name, "the tool "+t.Name+" is run by another vendor")
				continue
			}
			own = append(own, t.Raw)
			continue
		case llm.ToolCustom:
			functions = append(functions, declaration{Name: e.name(t.Name, true), Description: e.FreeTextDescription(t), ParametersJSONSchema: freeText})
		default:
			d := declaration{Name: e.name(t.Name, false), Description: t.Description}
			if len(t.Schema) > 0 {
				if s := cleanSchema(t.Schema); len(s) > len(anything) {
					d.ParametersJSONSchema = s
				}
			}
			functions = append(functions, d)
		}
		strict = strict && t.Strict != nil && *t.Strict
	}
	if len(functions)+len(own) == 0 && q.ToolChoice.Demands() {
		e.Refuse("tools", "this request requires a call, and none of its tools can be run here")
		return
	}
	if len(functions) > 0 {
		raw, err := marshal(map[string][]declaration{"functionDeclarations": functions})
		if err != nil {
			e.Refuse("tools", "the tools can't be written: "+err.Error())
			return
		}
		e.out.Tools = append(e.out.Tools, raw)
		e.choose(strict)
	}
	e.out.Tools = append(e.out.Tools, own...)
}

// freeText is the schema of a tool whose input is text, as this vendor takes it.
var freeText = jsontext.Value(`{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}`)

// choose writes the choice of tools. VALIDATED is the vendor's word for calls
// that are held to their schemas, which is the nearest to strict tools, and the
// only one beside ANY that takes names.
func (e *encoding) choose(strict bool) {
	c := functionCalling{}
	switch choice := e.q.ToolChoice; choice.Mode {
	case llm.ToolUnset, llm.ToolAuto:
		switch {
		case strict:
			c.Mode = "VALIDATED"
		case choice.Mode == llm.ToolAuto:
			c.Mode = "AUTO"
		default:
			return
		}
	case llm.ToolNone:
		c.Mode = "NONE"
	case llm.ToolRequired:
		c.Mode = "ANY"
	case llm.ToolOne:
		c.Mode, c.Allowed = "ANY", e.sent(choice.Names)
	case llm.ToolAllowed:
		c.Mode, c.Allowed = "VALIDATED", e.sent(choice.Names)
		if choice.Required {
			c.Mode = "ANY"
		}
	}
	e.out.ToolConfig = &toolConfig{FunctionCalling: &c}
}

func (e *encoding) sent(names []string) (out []string) {
	for _, n := range names {
		out = append(out, e.name(n, slices.ContainsFunc(e.q.Tools, func(t llm.Tool) bool { return t.Name == n && t.Kind == llm.ToolCustom })))
	}
	return out
}

// config writes generationConfig.
func (e *encoding) config() {
	q, s := e.q, e.q.Sampling
	g := generationConfig{
		Temperature: s.Temperature, TopP: s.TopP, TopK: s.TopK, CandidateCount: s.N,
		PresencePenalty: s.PresencePenalty, FrequencyPenalty: s.FrequencyPenalty, Seed: s.Seed,
		ResponseLogprobs: s.LogProbs, Logprobs: s.TopLogProbs,
	}
	if s.LogProbs == nil && s.TopLogProbs != nil {
		yes := true
		g.ResponseLogprobs = &yes // the count is refused without it
	}
	if q.MaxOutput != nil {
		n := *q.MaxOutput
		if e.t.MaxOutput > 0 && n > e.t.MaxOutput {
			n = e.t.MaxOutput
			e.Lose("max_tokens", "the model gives at most that many tokens")
		}
		g.MaxOutputTokens = &n
	}
	for _, stop := range q.Stop {
		if stop != "" {
			g.StopSequences = append(g.StopSequences, stop)
		}
	}
	for _, m := range q.Output.Modalities {
		g.Modalities = append(g.Modalities, strings.ToUpper(m))
	}
	if len(g.Modalities) == 1 && g.Modalities[0] == "TEXT" {
		g.Modalities = nil
	}
	e.shape(&g)
	g.Thinking = e.thinking()
	if !g.empty() {
		e.out.GenerationConfig = &g
	}
}

func (g *generationConfig) empty() bool {
	raw, err := marshal(g)
	return err == nil && string(raw) == "{}"
}

// shape writes what the answer's text must look like.
func (e *encoding) shape(g *generationConfig) {
	o := e.q.Output
	if o.Kind == llm.OutputText {
		return
	}
	// Models that are steered by a budget refuse a JSON answer beside functions.
	clash := e.t.Reasoning.Control == "budget" && e.out.Tools != nil
	switch {
	case clash || o.Kind == llm.OutputSchema && e.t.NoSchemaOutput:
		e.Lose("json_schema", "the model can't be held to a schema here: it was told the wanted form in words")
		text := "Answer with one JSON object and nothing else."
		if o.Kind == llm.OutputSchema {
			text = "Answer with one JSON value that fits this JSON Schema, and nothing else:\n" + string(o.Schema)
		}
		e.instruct(text)
		if !clash {
			g.ResponseMIMEType = jsonType
		}
	case o.Kind == llm.OutputSchema:
		g.ResponseMIMEType = jsonType
		if len(o.Schema) > 0 {
			g.ResponseSchema = cleanSchema(o.Schema)
		}
	default:
		g.ResponseMIMEType = jsonType
	}
}

// levels are what thinkingLevel takes.
var levels = []llm.Effort{llm.EffortMinimal, llm.EffortLow, llm.EffortMedium, llm.EffortHigh}

// usualMax stands in for an output cap that nobody told.
const usualMax = 32_000

// thinking says how much to think, in the target's words; nil leaves it to the
// model.
func (e *encoding) thinking() *thinkingConfig {
	r, style := e.q.Reasoning, e.t.Reasoning
	if r.Mode == llm.ReasoningDefault && r.Effort == "" && r.Budget == nil && r.Summary == "" {
		return nil
	}
	if style.Control == "none" {
		e.Lose("reasoning", "how much the model thinks can't be chosen")
		return nil
	}
	t := &thinkingConfig{}
	off := r.Mode == llm.ReasoningOff || r.Effort == llm.EffortNone
	show := r.Summary != "" && r.Summary != "omitted" || r.Summary == "" && !off
	if show {
		t.IncludeThoughts = &show
	}
	limit := e.t.MaxOutput
	if e.q.MaxOutput != nil {
		limit = *e.q.MaxOutput
	}
	if limit <= 0 {
		limit = usualMax
	}
	switch control := style.Control; {
	case control == "budget", control == "" && (r.Budget != nil || off):
		if n, ok := e.budget(off, limit); ok {
			n := whole(n)
			t.ThinkingBudget = &n
		}
	default:
		if level := e.level(off, limit); level != "" {
			t.ThinkingLevel = strings.ToUpper(string(level))
		}
	}
	if t.IncludeThoughts == nil && t.ThinkingBudget == nil && t.ThinkingLevel == "" {
		return nil
	}
	return t
}

// budget works out a budget of tokens; ok is false when there is nothing to say.
func (e *encoding) budget(off bool, limit int) (n int, ok bool) {
	r, style := e.q.Reasoning, e.t.Reasoning
	switch {
	case off && style.CannotDisable:
		e.Lose("reasoning_off", "the model always thinks")
		return style.MinBudget, style.MinBudget > 0
	case off:
		return 0, true
	case r.Budget != nil:
		n = *r.Budget
	case r.Effort != "":
		n = llm.BudgetOf(r.Effort, limit)
	case r.Mode == llm.ReasoningAdaptive:
		return -1, true
	default:
		return 0, false
	}
	if n < 0 {
		return -1, true
	}
	n = max(n, style.MinBudget)
	if style.MaxBudget > 0 {
		n = min(n, style.MaxBudget)
	}
	return n, true
}

// level works out a level; "" when there is nothing to say.
func (e *encoding) level(off bool, limit int) llm.Effort {
	r := e.q.Reasoning
	takes := e.t.Reasoning.Efforts
	if len(takes) == 0 {
		takes = levels
	}
	effort := r.Effort
	switch {
	case off && slices.Contains(takes, llm.EffortNone):
		return llm.EffortNone
	case off:
		e.Lose("reasoning_off", "the model always thinks: it was asked for the least")
		return takes[0]
	case effort == "" && r.Budget != nil && *r.Budget >= 0:
		effort = llm.EffortOf(*r.Budget, limit)
	case effort == "":
		return ""
	}
	return llm.NearestEffort(effort, takes)
}
