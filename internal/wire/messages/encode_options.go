package messages

import (
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// defaultMax is the output cap where nobody said one: the API demands a number.
const defaultMax = 32_000

// limit sets the output cap.
func (e *encoding) limit() {
	e.max = defaultMax
	most := e.t.MaxOutput
	if most > 0 {
		e.max = min(e.max, most)
	}
	if n := e.req.MaxOutput; n != nil {
		e.max = *n
		if most > 0 && e.max > most {
			e.max = most
			e.drop("max_tokens", "the model writes at most %d tokens", most)
		}
	}
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
	if o.Verbosity != "" {
		e.drop("verbosity", "the length of answers can't be chosen")
	}
	switch {
	case o.Kind == llm.OutputJSON:
		e.instruct("Answer with one JSON object and with nothing else.")
		e.drop("json_object", "JSON is asked for in words, not enforced")
	case o.Kind != llm.OutputSchema:
	case len(o.Schema) == 0:
		return wire.BadRequest("output_config.format", "the schema of the answer is missing")
	case !e.t.NoSchemaOutput:
		e.output.Format = &outputFormat{Type: "json_schema", Schema: scan.Closed(o.Schema)}
	case e.t.NoTools || !scan.AnswersObject(o.Schema):
		e.instruct("Answer with one JSON value that keeps this JSON Schema, and with nothing else:\n" + string(o.Schema))
		e.drop("json_schema", "the schema is given in words, not enforced")
	default:
		e.answerByTool(o)
	}
	return nil
}

func (e *encoding) instruct(s string) {
	e.system = append(e.system, &block{Type: typeText, Text: &s})
}

// answerByTool has the model answer by calling a tool whose input is the
// schema. Tools of the client stay callable beside it.
func (e *encoding) answerByTool(o llm.OutputFormat) {
	description := "Gives the answer."
	if o.Description != "" {
		description += " " + o.Description
	}
	t := &tool{Name: e.t.Names.Out(answerTool), Description: description, InputSchema: o.Schema}
	if len(e.tools) == 0 || e.choice != nil && e.choice.Type == "none" {
		e.choice = &toolChoice{Type: "tool", Name: t.Name}
	} else if e.choice == nil || e.choice.Type == "auto" {
		choice := toolChoice{Type: "any"}
		if e.choice != nil {
			choice.DisableParallel = e.choice.DisableParallel
		}
		e.choice = &choice
	}
	e.tools = append(e.tools, t)
}

// reason says how much the model is to think.
func (e *encoding) reason() {
	r, style := e.req.Reasoning, e.t.Reasoning
	on := r.Mode == llm.ReasoningOn || r.Mode == llm.ReasoningAdaptive
	if r.Budget != nil && *r.Budget == 0 || on && r.Effort == llm.EffortNone {
		on, r.Mode, r.Effort = false, llm.ReasoningOff, ""
	}
	switch {
	case !on && r.Mode != llm.ReasoningOff && r.Effort == "":
	case style.Control == "none":
		e.drop("reasoning", "how much the model thinks can't be chosen")
	case r.Mode == llm.ReasoningOff && style.CannotDisable:
		e.drop("reasoning", "the model always thinks")
	case r.Mode == llm.ReasoningOff:
		e.think = &thinking{Type: "disabled"}
	default:
		e.reasonBy(style.Control, r, on)
	}
	if e.think == nil || e.think.Type == "disabled" {
		return
	}
	switch {
	case r.Summary == "omitted":
		e.think.Display = "omitted"
	case r.Summary != "" && e.think.Type == "adaptive":
		// Newer models show nothing unasked; the others always do.
		e.think.Display = "summarized"
	}
}

func (e *encoding) reasonBy(control string, r llm.ReasoningConfig, on bool) {
	switch {
	case control == "budget":
		if on {
			e.budget(r)
		} else {
			e.drop("effort", "the model takes no level of effort")
		}
		return
	case control == "" && r.Mode == llm.ReasoningOn && (r.Budget != nil || r.Effort == ""):
		e.budget(r)
		e.output.Effort = e.level(r.Effort)
		return
	case control == "" && r.Mode == llm.ReasoningOn:
		e.budget(r)
		return
	}
	effort := r.Effort
	if effort == "" && r.Budget != nil {
		effort = llm.EffortOf(*r.Budget, e.max)
	}
	e.output.Effort = e.level(effort)
	switch {
	case !on:
	case control == "adaptive" || control == "":
		e.think = &thinking{Type: "adaptive"}
	case control == "toggle":
		e.think = &thinking{Type: "enabled"}
	}
}

// level is the level that the model takes for the one asked for: the nearest,
// of two the weaker.
func (e *encoding) level(asked llm.Effort) string {
	if asked == "" {
		return ""
	}
	taken := e.t.Reasoning.Efforts
	if len(taken) == 0 {
		taken = llm.Efforts[2:] // what the format has words for: low and up
	}
	style := wire.ReasoningStyle{Efforts: taken, Words: e.t.Reasoning.Words}
	best := style.Word(asked)
	if best != string(asked) {
		e.drop("effort", "the level %s became %s", asked, best)
	}
	return best
}

// budget turns thinking on by a number of tokens, which counts inside the output
// cap: the cap is raised to leave room for the answer.
func (e *encoding) budget(r llm.ReasoningConfig) {
	switch {
	case e.forced():
		e.drop("reasoning", "the model can't be made to call a tool while it thinks by a budget")
		return
	case e.turns[len(e.turns)-1].role == roleAssistant:
		e.drop("reasoning", "the model can't think before it goes on from a given beginning")
		return
	case e.unthought():
		e.drop("reasoning", "the turn that goes on began without this model's reasoning")
		return
	}
	style := e.t.Reasoning
	n := -1
	if r.Budget != nil {
		n = *r.Budget
	} else if r.Effort != "" {
		n = llm.BudgetOf(r.Effort, e.max)
	}
	if n < 0 {
		n = llm.BudgetOf(llm.EffortMedium, e.max)
	}
	least := max(llm.MinBudget, style.MinBudget)
	if style.MaxBudget > 0 {
		n = min(n, style.MaxBudget)
	}
	n = max(n, least)
	if n >= e.max {
		e.max += n
		if e.t.MaxOutput > 0 {
			e.max = min(e.max, e.t.MaxOutput)
		}
	}
	if n >= e.max {
		n = e.max - max(e.max/5, 1)
	}
	if n < least {
		e.drop("reasoning", "the output cap leaves no room for thinking")
		return
	}
	e.think = &thinking{Type: "enabled", Budget: &n}
}

// sampling gives the knobs of token choice that the API takes. While the model
// thinks they are its own business, but for a high top_p (docs, extended
// thinking).
func (e *encoding) sampling() (temperature, topP *float64, topK *int) {
	s := e.req.Sampling
	thinks := e.think != nil && e.think.Type != "disabled"
	if e.t.APIVersion >= strictVersion {
		if s.Temperature != nil {
			e.drop("temperature", "this version of the API refuses temperature")
		}
		if s.TopP != nil {
			e.drop("top_p", "this version of the API refuses top_p")
		}
		if s.TopK != nil {
			e.drop("top_k", "this version of the API refuses top_k")
		}
		return nil, nil, nil
	}
	if t := s.Temperature; t != nil {
		v := min(max(*t, 0), 1)
		switch {
		case thinks && *t == 1: // what it is anyway
		case thinks:
			e.drop("temperature", "a thinking model takes no temperature")
		default:
			if v != *t {
				e.drop("temperature", "temperatures end at 1: %g was brought there", *t)
			}
			temperature = &v
		}
	}
	if p := s.TopP; p != nil {
		switch {
		case thinks && *p < 0.95:
			e.drop("top_p", "a thinking model takes no top_p below 0.95")
		case temperature != nil && *p == 1: // what it is anyway
		case temperature != nil:
			e.drop("top_p", "newer models take temperature or top_p, not both")
		default:
			topP = p
		}
	}
	if s.TopK != nil {
		if thinks {
			e.drop("top_k", "a thinking model takes no top_k")
		} else {
			topK = s.TopK
		}
	}
	return temperature, topP, topK
}

func (e *encoding) stop() []string {
	var out []string
	for _, s := range e.req.Stop {
		if blank(s) {
			e.drop("stop", "stop sequences of spaces alone are refused")
			continue
		}
		out = append(out, s)
	}
	return out
}

// user joins the person and the session as coding clients do.
func (e *encoding) user() string {
	user, session := e.req.EndUser, e.req.Session
	if session == "" {
		return user
	}
	if _, said := splitUser(user); said == session {
		return user
	}
	return user + sessionMark + session
}

func (e *encoding) tier() string {
	switch t := e.req.ServiceTier; t {
	case "", "auto", "standard_only":
		return t
	case "default":
		return "standard_only"
	case "priority":
		return "auto"
	default:
		e.drop("service_tier", "the tier %s isn't known here", t)
		return ""
	}
}

// unsayable names what the request says that the API has no word for.
func (e *encoding) unsayable() {
	r, s := e.req, e.req.Sampling
	for _, x := range []struct {
		said    bool
		feature string
	}{
		{s.FrequencyPenalty != nil && *s.FrequencyPenalty != 0, "frequency_penalty"},
		{s.PresencePenalty != nil && *s.PresencePenalty != 0, "presence_penalty"},
		{s.Seed != nil, "seed"},
		{s.N != nil && *s.N > 1, "n"},
		{s.LogProbs != nil && *s.LogProbs || s.TopLogProbs != nil, "logprobs"},
		{len(s.LogitBias) > 0, "logit_bias"},
		{len(r.Metadata) > 0, "metadata"},
		{r.Store != nil && *r.Store, "store"},
		{r.Cache.Key != "", "prompt_cache_key"},
		{r.Cache.Retention != "", "prompt_cache_retention"},
	} {
		if x.said {
			e.drop(x.feature, "%s has no word in this format", x.feature)
		}
	}
}

// maxMarks is how many cache marks the API takes in one request.
const maxMarks = 4

// spareMarks leaves out cache marks beyond what the API takes: of the last ones
// and the first, which holds the most lasting prefix, none.
func (e *encoding) spareMarks() {
	var marks []**cacheControl
	left := maxMarks
	note := func(c **cacheControl, raw []byte) {
		switch {
		case raw != nil && scan.Member(raw, "cache_control") != nil:
			left--
		case *c != nil:
			marks = append(marks, c)
		}
	}
	for _, t := range e.tools {
		note(&t.CacheControl, t.raw)
	}
	for _, b := range e.system {
		note(&b.CacheControl, b.raw)
	}
	for _, t := range e.turns {
		for _, b := range t.blocks {
			note(&b.CacheControl, b.raw)
		}
	}
	if e.req.Cache.Auto != nil {
		left--
	}
	over := len(marks) - max(left, 0)
	if over <= 0 {
		return
	}
	from := min(1, len(marks)-over)
	for _, c := range marks[from : from+over] {
		*c = nil
	}
	e.drop("cache_control", "the API takes at most %d cache marks", maxMarks)
}
