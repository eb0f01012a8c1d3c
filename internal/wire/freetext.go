package wire

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
)

// A tool that takes free text is, to a model that knows functions alone, one with
// a single field of text. That it is one travels in its name (see [ToolNames]).

// FreeTextField is that field.
const FreeTextField = "input"

// FreeTextSchema is the schema of such a function.
var FreeTextSchema = jsontext.Value(`{"type":"object","properties":{"` + FreeTextField +
	`":{"type":"string"}},"required":["` + FreeTextField + `"],"additionalProperties":false}`)

// freeTextMark ends the name: no client's name holds a NUL.
const freeTextMark = "\x00text"

// OutFreeText gives the name under which a free-text tool is sent as a function.
func (n *ToolNames) OutFreeText(name string) string { return n.out(name + freeTextMark) }

// Called gives the client's name for one that was sent, and says whether that tool
// takes free text.
func (n *ToolNames) Called(sent string) (name string, freeText bool) {
	return strings.CutSuffix(n.Back(sent), freeTextMark)
}

// FreeTextArguments writes free text as the arguments of its function.
func FreeTextArguments(s string) string {
	b, _ := jsontext.AppendQuote([]byte(`{"`+FreeTextField+`":`), s) // the error says that something was replaced
	return string(append(b, '}'))
}

// FreeText takes free text out of its function's arguments; what isn't there as it
// should is taken whole.
func FreeText(arguments string) string {
	var in struct {
		Input *string `json:"input"`
	}
	lenient := json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if json.Unmarshal([]byte(arguments), &in, lenient) != nil || in.Input == nil {
		return arguments
	}
	return *in.Input
}

// FreeTextDescription describes a free-text tool as a function, whose input can't
// be held to a grammar.
func (l *Losses) FreeTextDescription(t llm.Tool) string {
	if t.Grammar == nil {
		return t.Description
	}
	l.Lose("grammar", "a tool's grammar can only be described, not enforced")
	return strings.TrimPrefix(t.Description+"\n\n", "\n\n") + "The input must keep this grammar: " + string(t.Grammar)
}
