package chat

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
)

func readTools(q *llm.Request, v jsontext.Value) error {
	var raws []jsontext.Value
	if err := json.Unmarshal(v, &raws); err != nil {
		return err
	}
	for i, raw := range raws {
		var t tool
		if err := json.Unmarshal(raw, &t); err != nil {
			return fmt.Errorf("tool %d: %w", i, err)
		}
		switch {
		case t.Function != nil:
			n := llm.Tool{Name: t.Function.Name, Description: t.Function.Description, Strict: t.Function.Strict}
			if t.Function.Parameters.Kind() == '{' {
				n.Schema = t.Function.Parameters
			}
			q.Tools = append(q.Tools, n)
		case t.Custom != nil:
			n := llm.Tool{Kind: llm.ToolCustom, Name: t.Custom.Name, Description: t.Custom.Description}
			if t.Custom.Format.Kind() == '{' {
				n.Grammar = t.Custom.Format
			}
			q.Tools = append(q.Tools, n)
		default:
			q.Tools = append(q.Tools, llm.Tool{Kind: llm.ToolBuiltin, Name: t.Type, Format: llm.FormatChat, Raw: raw})
		}
	}
	return nil
}

// readFunctions reads the API's older way to name tools.
func readFunctions(q *llm.Request, v jsontext.Value) error {
	var list []struct {
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Parameters  jsontext.Value `json:"parameters"`
	}
	if err := json.Unmarshal(v, &list); err != nil {
		return err
	}
	for _, f := range list {
		t := llm.Tool{Name: f.Name, Description: f.Description}
		if f.Parameters.Kind() == '{' {
			t.Schema = f.Parameters
		}
		q.Tools = append(q.Tools, t)
	}
	return nil
}

func readToolChoice(q *llm.Request, v jsontext.Value) error {
	if v.Kind() == 'n' {
		return nil
	}
	if v.Kind() == '"' {
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			return err
		}
		mode, ok := map[string]llm.ToolMode{"auto": llm.ToolAuto, "none": llm.ToolNone, "required": llm.ToolRequired, "any": llm.ToolRequired}[s]
		if !ok {
			return fmt.Errorf("%q is not one of auto, none, required", s)
		}
		q.ToolChoice.Mode = mode
		return nil
	}
	type named struct {
		Name string `json:"name"`
	}
	var c struct {
		Type         string `json:"type"`
		Function     *named `json:"function"`
		Custom       *named `json:"custom"`
		AllowedTools *struct {
			Mode  string `json:"mode"`
			Tools []struct {
				Function *named `json:"function"`
				Custom   *named `json:"custom"`
			} `json:"tools"`
		} `json:"allowed_tools"`
	}
	if err := json.Unmarshal(v, &c); err != nil {
		return err
	}
	switch {
	case c.Function != nil:
		q.ToolChoice = llm.ToolChoice{Mode: llm.ToolOne, Names: []string{c.Function.Name}}
	case c.Custom != nil:
		q.ToolChoice = llm.ToolChoice{Mode: llm.ToolOne, Names: []string{c.Custom.Name}}
	case c.AllowedTools != nil:
		q.ToolChoice = llm.ToolChoice{Mode: llm.ToolAllowed, Required: c.AllowedTools.Mode == "required"}
		for _, t := range c.AllowedTools.Tools {
			if t.Function != nil {
				q.ToolChoice.Names = append(q.ToolChoice.Names, t.Function.Name)
			} else if t.Custom != nil {
				q.ToolChoice.Names = append(q.ToolChoice.Names, t.Custom.Name)
			}
		}
	default:
		return fmt.Errorf("type %q is not one of function, custom, allowed_tools", c.Type)
	}
	return nil
}

func readOutput(q *llm.Request, v jsontext.Value) error {
	var f *struct {
		Type       string `json:"type"`
		JSONSchema *struct {
			Name        string         `json:"name"`
			Description string         `json:"description"`
			Schema      jsontext.Value `json:"schema"`
			Strict      *bool          `json:"strict"`
		} `json:"json_schema"`
	}
	if err := json.Unmarshal(v, &f); err != nil || f == nil {
		return err
	}
	switch f.Type {
	case "text":
	case "json_object":
		q.Output.Kind = llm.OutputJSON
	case "json_schema":
		if f.JSONSchema == nil {
			return errors.New("json_schema is missing")
		}
		o := &q.Output
		o.Kind, o.Name, o.Description, o.Strict = llm.OutputSchema, f.JSONSchema.Name, f.JSONSchema.Description, f.JSONSchema.Strict
		o.Schema = f.JSONSchema.Schema
	default:
		return fmt.Errorf("type %q is not one of text, json_object, json_schema", f.Type)
	}
	return nil
}

func setEffort(q *llm.Request, s string) error {
	if s == "" {
		return nil
	}
	e := llm.Effort(s)
	if !slices.Contains(llm.Efforts, e) {
		return fmt.Errorf("%q is not one of none, minimal, low, medium, high, xhigh, max", s)
	}
	q.Reasoning.Effort, q.Reasoning.Mode = e, llm.ReasoningOn
	if e == llm.EffortNone {
		q.Reasoning.Mode = llm.ReasoningOff
	}
	return nil
}

func readEffort(q *llm.Request, v jsontext.Value) error {
	var s *string
	if err := json.Unmarshal(v, &s); err != nil || s == nil {
		return err
	}
	return setEffort(q, *s)
}

// readReasoning reads OpenRouter's reasoning object.
func readReasoning(q *llm.Request, v jsontext.Value) error {
	var r *struct {
		Effort    string `json:"effort"`
		MaxTokens *int   `json:"max_tokens"`
		Exclude   bool   `json:"exclude"`
		Enabled   *bool  `json:"enabled"`
	}
	if err := json.Unmarshal(v, &r); err != nil || r == nil {
		return err
	}
	if r.Enabled != nil {
		q.Reasoning.Mode = llm.ReasoningOff
		if *r.Enabled {
			q.Reasoning.Mode = llm.ReasoningOn
		}
	}
	if r.MaxTokens != nil {
		q.Reasoning.Mode, q.Reasoning.Budget = llm.ReasoningOn, r.MaxTokens
	}
	if r.Exclude {
		q.Reasoning.Summary = "omitted"
	}
	return setEffort(q, r.Effort)
}

// readThinking reads DeepSeek's thinking object.
func readThinking(q *llm.Request, v jsontext.Value) error {
	var t *struct {
		Type   string `json:"type"`
		Budget *int   `json:"budget_tokens"`
	}
	if err := json.Unmarshal(v, &t); err != nil || t == nil {
		return err
	}
	switch t.Type {
	case "enabled":
		q.Reasoning.Mode, q.Reasoning.Budget = llm.ReasoningOn, t.Budget
	case "disabled":
		q.Reasoning.Mode = llm.ReasoningOff
	case "adaptive":
		q.Reasoning.Mode = llm.ReasoningAdaptive
	default:
		return fmt.Errorf("type %q is not one of enabled, disabled, adaptive", t.Type)
	}
	return nil
}

func readStreamOptions(q *llm.Request, v jsontext.Value) error {
	var o *struct {
		IncludeUsage bool `json:"include_usage"`
	}
	if err := json.Unmarshal(v, &o); err != nil || o == nil {
		return err
	}
	q.StreamUsage = o.IncludeUsage
	return nil
}

func readStop(q *llm.Request, v jsontext.Value) error {
	if v.Kind() == '"' {
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			return err
		}
		q.Stop = []string{s}
		return nil
	}
	return json.Unmarshal(v, &q.Stop)
}

func readLogitBias(q *llm.Request, v jsontext.Value) error {
	if v.Kind() == '{' {
		q.Sampling.LogitBias = v.Clone()
	}
	return nil
}

// readUser reads the older field for the end user; safety_identifier wins.
func readUser(q *llm.Request, v jsontext.Value) error {
	var s *string
	if err := json.Unmarshal(v, &s); err != nil || s == nil {
		return err
	}
	if q.EndUser == "" {
		q.EndUser = *s
	}
	return nil
}
