package messages

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
		if out := e.tool(t); out != nil {
			e.tools = append(e.tools, out)
		}
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
		e.choice = &toolChoice{Type: "auto"}
	case llm.ToolNone:
		e.choice = &toolChoice{Type: "none"}
	case llm.ToolRequired:
		e.choice = &toolChoice{Type: "any"}
	case llm.ToolAllowed:
		e.choice = &toolChoice{Type: "auto"}
		if choice.Required {
			e.choice.Type = "any"
		}
	case llm.ToolOne:
		i := slices.IndexFunc(e.req.Tools, func(t llm.Tool) bool { return slices.Contains(choice.Names, t.Name) })
		if i < 0 {
			return wire.BadRequest("tool_choice", "tool_choice: the tool to be called is not among the tools")
		}
		e.choice = &toolChoice{Type: "tool", Name: e.toolName(e.req.Tools[i])}
	}
	if p := e.req.ParallelTools; p != nil && !*p {
		if e.choice == nil {
			e.choice = &toolChoice{Type: "auto"}
		}
		if e.choice.Type != "none" {
			one := true
			e.choice.DisableParallel = &one
		}
	}
	return nil
}

// forced says whether a tool must be called.
func (e *encoding) forced() bool {
	return e.choice != nil && (e.choice.Type == "any" || e.choice.Type == "tool")
}

// declare names the tools of earlier turns where the request has none any more:
// the API refuses calls in a conversation without tools.
func (e *encoding) declare() {
	seen := map[string]bool{}
	for _, t := range e.turns {
		for _, b := range t.blocks {
			if b.Type == typeToolUse && b.raw == nil && !seen[b.Name] {
				seen[b.Name] = true
				e.tools = append(e.tools, &tool{Name: b.Name, InputSchema: openSchema})
			}
		}
	}
	if len(e.tools) > 0 {
		e.choice = &toolChoice{Type: "none"}
	}
}

func (e *encoding) toolName(t llm.Tool) string {
	switch t.Kind {
	case llm.ToolCustom:
		return e.t.Names.OutFreeText(t.Name)
	case llm.ToolBuiltin:
		return t.Name
	}
	return e.t.Names.Out(t.Name)
}

func (e *encoding) tool(t llm.Tool) *tool {
	name := e.toolName(t)
	if t.Format == llm.FormatMessages && t.Raw != nil && name == t.Name {
		return &tool{Name: name, raw: t.Raw}
	}
	out := &tool{Name: name, Description: t.Description, CacheControl: controlOf(t.Cache)}
	switch t.Kind {
	case llm.ToolBuiltin:
		e.drop("tool:"+t.Name, "the tool %s is run by another vendor", t.Name)
		return nil
	case llm.ToolCustom:
		out.InputSchema, out.Description = wire.FreeTextSchema, e.FreeTextDescription(t)
		return out
	}
	out.InputSchema = objectSchema(t.Schema)
	if t.Strict == nil || !*t.Strict {
		return out
	}
	if e.t.NoSchemaOutput {
		e.drop("strict", "the model can't be held to a tool's schema")
		return out
	}
	out.Strict, out.InputSchema = t.Strict, scan.Closed(out.InputSchema)
	return out
}

// objectSchema is a schema in the form that the API demands of a tool's input:
// of an object, and saying so.
func objectSchema(schema []byte) jsontext.Value {
	v := jsontext.Value(schema)
	if v.Kind() != '{' {
		return anySchema
	}
	if scan.Member(v, "type") != nil {
		return v
	}
	out, err := scan.Splice(v, []scan.Edit{{Name: "type", Value: []byte(`"object"`)}})
	if err != nil {
		return anySchema
	}
	return out
}
