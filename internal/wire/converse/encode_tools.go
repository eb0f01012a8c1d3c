package converse

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

const (
	// answerTool stands for the schema that an answer must keep, where a model
	// can be held to one only by a tool.
	answerTool = "answer\x00json"
)

var (
	anySchema  = jsontext.Value(`{"type":"object","properties":{}}`)
	openSchema = jsontext.Value(`{"type":"object"}`)
)

// offer writes the tools and the choice among them.
func (e *encoding) offer() error {
	choice := e.req.ToolChoice
	if e.t.NoTools && len(e.req.Tools) > 0 {
		if choice.Demands() {
			return wire.BadRequest("tools", "tools: "+e.t.Model+" can't call tools, and the request demands a call")
		}
		e.drop("tools", "the model can't call tools")
		return nil
	}
	for _, t := range e.req.Tools {
		if choice.Mode == llm.ToolAllowed && !slices.Contains(choice.Names, t.Name) {
			continue // the API can't narrow the choice to several: the others are not offered
		}
		e.tool(t)
	}
	if len(e.tools) == 0 {
		if choice.Demands() {
			return wire.BadRequest("tool_choice", "tool_choice: a call is demanded, but no tool is there that "+e.t.Model+" could call")
		}
		e.declare()
		return nil
	}
	return e.choose(choice)
}

func (e *encoding) choose(choice llm.ToolChoice) error {
	switch choice.Mode {
	case llm.ToolAuto:
		e.choice = &toolChoice{Auto: &struct{}{}}
	case llm.ToolNone:
		e.forbid()
	case llm.ToolRequired:
		e.choice = &toolChoice{Any: &struct{}{}}
	case llm.ToolAllowed:
		e.choice = &toolChoice{Auto: &struct{}{}}
		if choice.Required {
			e.choice = &toolChoice{Any: &struct{}{}}
		}
	case llm.ToolOne:
		i := slices.IndexFunc(e.req.Tools, func(t llm.Tool) bool {
			return t.Kind != llm.ToolBuiltin && slices.Contains(choice.Names, t.Name)
		})
		if i < 0 {
			return wire.BadRequest("tool_choice", "tool_choice: the tool to be called is not among the tools")
		}
		e.choice = &toolChoice{Tool: &toolName{e.toolName(e.req.Tools[i])}}
	}
	e.ask()
	if p := e.req.ParallelTools; p != nil && !*p && len(e.tools) > 0 {
		e.drop("parallel_tool_calls", "several calls in one answer can't be forbidden")
	}
	return nil
}

// ask makes words of a choice where the model takes none.
func (e *encoding) ask() {
	if e.choice == nil || !slices.Contains(e.t.Reject, choiceField) {
		return
	}
	if e.forced() {
		what := "a tool"
		if e.choice.Tool != nil {
			what = "the tool " + e.choice.Tool.Name
		}
		e.instruct("Answer by calling " + what + ".")
		e.drop("tool_choice", "a call can't be demanded of the model: it was asked in words for one")
	}
	e.choice = nil
}

// forbid says that no tool may be called, for which the API has no word: the
// tools are left out. Only where the conversation holds calls they must stay.
func (e *encoding) forbid() {
	if !slices.ContainsFunc(e.turns, func(t turn) bool { return slices.ContainsFunc(t.Content, isUse) }) {
		e.tools = nil
		return
	}
	if e.answersByTool() {
		return // which is then the only one that may be called
	}
	e.instruct("Answer without calling any tool.")
	e.drop("tool_choice", "calls can't be forbidden in a conversation that holds some: the model was asked in words to make none")
}

func isUse(b *block) bool { return b.ToolUse != nil }

// forced says whether a tool must be called.
func (e *encoding) forced() bool {
	return e.choice != nil && e.choice.Auto == nil
}

// declare names the tools of earlier turns where the request has none any more:
// the API refuses calls in a conversation without tools.
func (e *encoding) declare() {
	seen := map[string]bool{}
	for _, t := range e.turns {
		for _, b := range t.Content {
			if b.ToolUse != nil && !seen[b.ToolUse.Name] {
				seen[b.ToolUse.Name] = true
				e.tools = append(e.tools, &tool{Spec: &toolSpec{Name: b.ToolUse.Name, Schema: inputSchema{openSchema}}})
			}
		}
	}
	if len(e.tools) > 0 {
		e.forbid()
	}
}

func (e *encoding) toolName(t llm.Tool) string {
	if t.Kind == llm.ToolCustom {
		return e.t.Names.OutFreeText(t.Name)
	}
	return e.t.Names.Out(t.Name)
}

func (e *encoding) tool(t llm.Tool) {
	if t.Kind == llm.ToolBuiltin {
		e.drop("tool:"+t.Name, "the tool %s is run by another vendor", t.Name)
		return
	}
	spec := &toolSpec{Name: e.toolName(t), Description: t.Description, Schema: inputSchema{objectSchema(t.Schema)}}
	switch {
	case t.Kind == llm.ToolCustom:
		spec.Schema.JSON, spec.Description = wire.FreeTextSchema, e.FreeTextDescription(t)
	case t.Strict == nil || !*t.Strict:
	case e.t.NoSchemaOutput || slices.Contains(e.t.Reject, "toolConfig.tools.strict"):
		e.drop("strict", "the model can't be held to a tool's schema")
	default:
		spec.Strict, spec.Schema.JSON = t.Strict, scan.Closed(spec.Schema.JSON)
	}
	if blank(spec.Description) {
		spec.Description = ""
	}
	e.tools = append(e.tools, &tool{Spec: spec})
	if t.Cache != nil {
		e.tools = append(e.tools, &tool{CachePoint: pointOf(t.Cache)})
	}
}

// objectSchema is a schema in the form that the API demands of a tool's input:
// of an object, and saying so.
func objectSchema(schema []byte) jsontext.Value {
	v := jsontext.Value(schema)
	if v.Kind() != '{' || !v.IsValid(scan.Lenient) {
		return anySchema
	}
	if scan.Member(v, "type") != nil {
		return v
	}
	o := scan.NewObject(v)
	for o.Next() {
	}
	if o.Err() != nil {
		return anySchema
	}
	out, err := scan.Splice(v, []scan.Edit{{Name: "type", Value: []byte(`"object"`)}})
	if err != nil {
		return anySchema
	}
	return out
}
