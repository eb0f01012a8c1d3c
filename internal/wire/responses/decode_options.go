package responses

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

func readTools(r *reading, v jsontext.Value) error {
	var raws []jsontext.Value
	if err := json.Unmarshal(v, &raws); err != nil {
		return err
	}
	for i, raw := range raws {
		var k kind
		if err := json.Unmarshal(raw, &k); err != nil {
			return wire.BadField(fmt.Sprintf("tools[%d]", i), err)
		}
		if k.Type != "function" && k.Type != "custom" {
			r.Tools = append(r.Tools, llm.Tool{Kind: llm.ToolBuiltin, Name: k.Type, Format: llm.FormatResponses, Raw: raw})
			continue
		}
		var t tool
		if err := json.Unmarshal(raw, &t); err != nil {
			return wire.BadField(fmt.Sprintf("tools[%d]", i), err)
		}
		if t.Name == "" {
			return wire.BadRequest(fmt.Sprintf("tools[%d].name", i), fmt.Sprintf("tools[%d].name is missing: name the tool", i))
		}
		n := llm.Tool{Name: t.Name, Description: t.Description}
		if t.Type == "custom" {
			n.Kind = llm.ToolCustom
			n.Grammar = grammarOf(t.Format)
		} else {
			n.Strict = t.Strict
			if t.Parameters.Kind() == '{' {
				n.Schema = t.Parameters
			}
		}
		r.Tools = append(r.Tools, n)
	}
	return nil
}

// grammarOf returns the constraint of a free-text tool; plain text has none.
func grammarOf(v jsontext.Value) []byte {
	var k kind
	if v.Kind() != '{' || json.Unmarshal(v, &k) != nil || k.Type == "text" {
		return nil
	}
	return v
}

var toolModes = map[string]llm.ToolMode{"auto": llm.ToolAuto, "none": llm.ToolNone, "required": llm.ToolRequired}

// readToolChoice keeps verbatim what it has no word for: the choice of a tool
// that the vendor runs.
func readToolChoice(r *reading, v jsontext.Value) error {
	if v.Kind() == '"' {
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			return err
		}
		mode, ok := toolModes[s]
		if !ok {
			return fmt.Errorf("%q is not one of auto, none, required", s)
		}
		r.ToolChoice.Mode = mode
		return nil
	}
	if v.Kind() == 'n' {
		return nil
	}
	type named struct {
		Type string `json:"type"`
		Name string `json:"name"`
	}
	var c struct {
		named
		Mode  string  `json:"mode"`
		Tools []named `json:"tools"`
	}
	if err := json.Unmarshal(v, &c); err != nil {
		return err
	}
	ours := func(n named) bool { return (n.Type == "function" || n.Type == "custom") && n.Name != "" }
	switch {
	case ours(c.named):
		r.ToolChoice = llm.ToolChoice{Mode: llm.ToolOne, Names: []string{c.Name}}
	case c.Type == "allowed_tools" && !slices.ContainsFunc(c.Tools, func(n named) bool { return !ours(n) }):
		r.ToolChoice = llm.ToolChoice{Mode: llm.ToolAllowed, Required: c.Mode == "required"}
		for _, t := range c.Tools {
			r.ToolChoice.Names = append(r.ToolChoice.Names, t.Name)
		}
	default:
		r.keep("tool_choice", v)
	}
	return nil
}

// members walks an object; what the table has no reader for is kept under the
// field's name and its own.
func members(r *reading, name string, v jsontext.Value, table map[string]reader) error {
	if v.Kind() == 'n' {
		return nil
	}
	o := scan.NewObject(v)
	for o.Next() {
		f := o.Field()
		at := name + "." + string(f.Name)
		read, known := table[string(f.Name)]
		if !known {
			r.keep(at, f.Value)
			continue
		}
		if err := read(r, f.Value); err != nil {
			return wire.BadField(at, err)
		}
	}
	return o.Err()
}

var textReaders = map[string]reader{
	"format":    readFormat,
	"verbosity": into(func(r *reading) *string { return &r.Output.Verbosity }),
}

func readText(r *reading, v jsontext.Value) error { return members(r, "text", v, textReaders) }

func readFormat(r *reading, v jsontext.Value) error {
	var f struct {
		Type        string         `json:"type"`
		Name        string         `json:"name"`
		Description string         `json:"description"`
		Schema      jsontext.Value `json:"schema"`
		Strict      *bool          `json:"strict"`
	}
	if err := json.Unmarshal(v, &f); err != nil {
		return err
	}
	switch f.Type {
	case "", "text":
	case "json_object":
		r.Output.Kind = llm.OutputJSON
	case "json_schema":
		if f.Schema.Kind() != '{' {
			return wire.BadRequest("text.format.schema", "text.format.schema is missing: send the JSON Schema")
		}
		o := &r.Output
		o.Kind, o.Name, o.Description, o.Schema, o.Strict = llm.OutputSchema, f.Name, f.Description, f.Schema, f.Strict
	default:
		r.keep("text.format", v)
	}
	return nil
}

var reasoningReaders = map[string]reader{
	"effort":           readEffort,
	"summary":          into(func(r *reading) *string { return &r.Reasoning.Summary }),
	"generate_summary": readOldSummary,
}

func readReasoning(r *reading, v jsontext.Value) error {
	return members(r, "reasoning", v, reasoningReaders)
}

// readEffort takes any word: a level that is new is for the provider to judge.
func readEffort(r *reading, v jsontext.Value) error {
	var s *string
	if err := json.Unmarshal(v, &s); err != nil || s == nil || *s == "" {
		return err
	}
	r.Reasoning.Effort, r.Reasoning.Mode = llm.Effort(*s), llm.ReasoningOn
	if r.Reasoning.Effort == llm.EffortNone {
		r.Reasoning.Mode = llm.ReasoningOff
	}
	return nil
}

// readOldSummary reads the older name of summary, which wins.
func readOldSummary(r *reading, v jsontext.Value) error {
	var s *string
	if err := json.Unmarshal(v, &s); err != nil || s == nil {
		return err
	}
	if r.Reasoning.Summary == "" {
		r.Reasoning.Summary = *s
	}
	return nil
}

// What include can ask for that has a neutral word or that is always done.
const (
	includeEncrypted = "reasoning.encrypted_content"
	includeLogprobs  = "message.output_text.logprobs"
)

func readInclude(r *reading, v jsontext.Value) error {
	var list []string
	if err := json.Unmarshal(v, &list); err != nil {
		return err
	}
	var rest []string
	for _, s := range list {
		switch s {
		case includeEncrypted:
		case includeLogprobs:
			yes := true
			r.Sampling.LogProbs = &yes
		default:
			rest = append(rest, s)
		}
	}
	if rest == nil {
		return nil
	}
	kept, err := json.Marshal(rest)
	r.keep("include", kept)
	return err
}
