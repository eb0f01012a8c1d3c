package gemini

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// number reads an integer in any of protobuf's spellings.
func number[T ~int | ~int64](at func(*llm.Request) **T) reader {
	return func(q *llm.Request, v jsontext.Value) error {
		var w *whole
		if err := unmarshal(v, &w); err != nil || w == nil {
			return err
		}
		n := T(*w)
		*at(q) = &n
		return nil
	}
}

var configReaders = map[string]reader{
	"temperature":        into(func(q *llm.Request) **float64 { return &q.Sampling.Temperature }),
	"topP":               into(func(q *llm.Request) **float64 { return &q.Sampling.TopP }),
	"topK":               number(func(q *llm.Request) **int { return &q.Sampling.TopK }),
	"maxOutputTokens":    number(func(q *llm.Request) **int { return &q.MaxOutput }),
	"stopSequences":      into(func(q *llm.Request) *[]string { return &q.Stop }),
	"candidateCount":     number(func(q *llm.Request) **int { return &q.Sampling.N }),
	"seed":               number(func(q *llm.Request) **int64 { return &q.Sampling.Seed }),
	"presencePenalty":    into(func(q *llm.Request) **float64 { return &q.Sampling.PresencePenalty }),
	"frequencyPenalty":   into(func(q *llm.Request) **float64 { return &q.Sampling.FrequencyPenalty }),
	"responseLogprobs":   into(func(q *llm.Request) **bool { return &q.Sampling.LogProbs }),
	"logprobs":           number(func(q *llm.Request) **int { return &q.Sampling.TopLogProbs }),
	"responseModalities": readModalities,
	"thinkingConfig":     readThinking,
	"responseMimeType":   readMIMEType,
	"responseSchema":     readSchema,
	"responseJsonSchema": readJSONSchema,
}

func readConfig(q *llm.Request, v jsontext.Value) error {
	if v.Kind() == 'n' {
		return nil
	}
	return readFields(q, v, "generationConfig.", configReaders)
}

func readModalities(q *llm.Request, v jsontext.Value) error {
	var list []string
	if err := unmarshal(v, &list); err != nil {
		return err
	}
	for _, m := range list {
		q.Output.Modalities = append(q.Output.Modalities, strings.ToLower(m))
	}
	return nil
}

func readThinking(q *llm.Request, v jsontext.Value) error {
	var t *thinkingConfig
	if err := unmarshal(v, &t); err != nil || t == nil {
		return err
	}
	r := &q.Reasoning
	// Thoughts are shown to who asks for them only.
	r.Summary = "omitted"
	if t.IncludeThoughts != nil && *t.IncludeThoughts {
		// The vendor's models think unasked, others are to be asked for what shall be
		// shown.
		r.Summary, r.Mode = "auto", llm.ReasoningAdaptive
	}
	if t.ThinkingBudget != nil {
		n := int(*t.ThinkingBudget)
		r.Budget = &n
		switch {
		case n == 0:
			r.Mode = llm.ReasoningOff
		case n < 0:
			r.Mode = llm.ReasoningAdaptive
		default:
			r.Mode = llm.ReasoningOn
		}
	}
	switch level := strings.ToLower(t.ThinkingLevel); level {
	case "", "thinking_level_unspecified":
	case "minimal", "low", "medium", "high":
		r.Effort, r.Mode = llm.Effort(level), llm.ReasoningOn
	default:
		return fmt.Errorf("thinkingLevel %q is not one of MINIMAL, LOW, MEDIUM, HIGH", t.ThinkingLevel)
	}
	return nil
}

const jsonType = "application/json"

func readMIMEType(q *llm.Request, v jsontext.Value) error {
	var s *string
	if err := unmarshal(v, &s); err != nil || s == nil {
		return err
	}
	switch *s {
	case jsonType:
		if q.Output.Kind == llm.OutputText {
			q.Output.Kind = llm.OutputJSON
		}
	case "", "text/plain":
	default:
		q.Extra = append(q.Extra, llm.Field{Format: llm.FormatGemini, Name: "generationConfig.responseMimeType", Value: v.Clone()})
	}
	return nil
}

func readSchema(q *llm.Request, v jsontext.Value) error {
	if v.Kind() == '{' {
		q.Output.Kind, q.Output.Schema = llm.OutputSchema, plainSchema(v)
	}
	return nil
}

func readJSONSchema(q *llm.Request, v jsontext.Value) error {
	if v.Kind() == '{' {
		q.Output.Kind, q.Output.Schema = llm.OutputSchema, v.Clone()
	}
	return nil
}

// readTools reads the tools. One entry may hold functions and several of the
// vendor's own tools at once; each becomes a tool.
func readTools(q *llm.Request, v jsontext.Value) error {
	var raws []jsontext.Value
	if v.Kind() == '{' {
		raws = []jsontext.Value{v}
	} else if err := unmarshal(v, &raws); err != nil {
		return err
	}
	for i, raw := range raws {
		o := scan.NewObject(raw)
		for o.Next() {
			f := o.Field()
			name := camel(string(f.Name))
			switch {
			case f.Kind == 'n':
			case name == "functionDeclarations":
				if err := readDeclarations(q, f.Value); err != nil {
					return fmt.Errorf("[%d].functionDeclarations: %w", i, err)
				}
			default:
				one, err := marshal(map[string]jsontext.Value{name: f.Value})
				if err != nil {
					return err
				}
				q.Tools = append(q.Tools, llm.Tool{Kind: llm.ToolBuiltin, Name: name, Format: llm.FormatGemini, Raw: one})
			}
		}
		if err := o.Err(); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

func readDeclarations(q *llm.Request, v jsontext.Value) error {
	var list []declaration
	if err := unmarshal(v, &list); err != nil {
		return err
	}
	for _, d := range list {
		t := llm.Tool{Name: d.Name, Description: d.Description}
		switch {
		case d.ParametersJSONSchema.Kind() == '{':
			t.Schema = d.ParametersJSONSchema
		case d.Parameters.Kind() == '{':
			t.Schema = plainSchema(d.Parameters)
		}
		q.Tools = append(q.Tools, t)
	}
	return nil
}

var toolConfigReaders = map[string]reader{"functionCallingConfig": readToolChoice}

func readToolConfig(q *llm.Request, v jsontext.Value) error {
	if v.Kind() == 'n' {
		return nil
	}
	return readFields(q, v, "toolConfig.", toolConfigReaders)
}

func readToolChoice(q *llm.Request, v jsontext.Value) error {
	var c *functionCalling
	if err := unmarshal(v, &c); err != nil || c == nil {
		return err
	}
	choice := llm.ToolChoice{Names: c.Allowed}
	switch strings.ToUpper(c.Mode) {
	case "", "MODE_UNSPECIFIED":
		choice.Names = nil
	case "AUTO":
		choice.Mode, choice.Names = llm.ToolAuto, nil
	case "VALIDATED":
		choice.Mode = llm.ToolAllowed
		if len(c.Allowed) == 0 {
			choice.Mode = llm.ToolAuto
			q.Extra = append(q.Extra, llm.Field{Format: llm.FormatGemini, Name: "toolConfig.functionCallingConfig.mode", Value: []byte(`"VALIDATED"`)})
		}
	case "NONE":
		choice.Mode, choice.Names = llm.ToolNone, nil
	case "ANY":
		switch len(c.Allowed) {
		case 0:
			choice.Mode = llm.ToolRequired
		case 1:
			choice.Mode = llm.ToolOne
		default:
			choice.Mode, choice.Required = llm.ToolAllowed, true
		}
	default:
		return fmt.Errorf("mode %q is not one of AUTO, ANY, NONE, VALIDATED", c.Mode)
	}
	q.ToolChoice = choice
	return nil
}
