package gateway

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/schemacheck"
)

// faultOf says what makes an answer of no use to who asked; "": nothing. Of an answer
// that isn't over, whose finish is "", only what it holds is judged. What was asked is
// read only where it matters: words should not have to wait for that.
func faultOf(asked func() (*llm.Request, error), parts []llm.Part, finish llm.FinishReason) string {
	var text strings.Builder
	calls := 0
	for _, p := range parts {
		switch p := p.(type) {
		case llm.Text:
			text.WriteString(p.Text)
		case llm.Refusal:
			return "the model refused to answer"
		case llm.ToolCall:
			calls++
			if finish == llm.FinishLength {
				continue
			}
			if req, err := asked(); err == nil { // else whoever encodes it refuses it in words
				if why := faultOfCall(req, &p); why != "" {
					return why
				}
			}
		case llm.Media, llm.Opaque:
			return ""
		}
	}
	switch {
	case finish == "":
		return ""
	case finish == llm.FinishContentFilter:
		return "the model refused to answer"
	case finish == llm.FinishToolMalformed:
		return "the model wrote a tool call that can't be read"
	case calls > 0 || finish == llm.FinishLength || finish == llm.FinishPause || finish == llm.FinishContextFull:
		return ""
	case strings.TrimSpace(text.String()) == "":
		return "the answer is empty"
	}
	req, err := asked()
	if err == nil && (req.Output.Kind == llm.OutputSchema || req.Output.Kind == llm.OutputJSON) {
		return schemacheck.Fault(req.Output.Schema, text.String())
	}
	return ""
}

// faultOfCall says what is wrong with a tool call.
func faultOfCall(req *llm.Request, c *llm.ToolCall) string {
	known := false
	for i := range req.Tools {
		// What a vendor's own tool calls itself is the vendor's business.
		known = known || req.Tools[i].Name == c.Name || req.Tools[i].Kind == llm.ToolBuiltin
	}
	switch {
	case !known && len(req.Tools) > 0:
		return fmt.Sprintf("the model called a tool that there isn't: %q", cut(c.Name, maxEndUser))
	case c.Custom || c.Arguments == "":
		return ""
	}
	if v := jsontext.Value(c.Arguments); v.Kind() != '{' || !v.IsValid(jsontext.AllowDuplicateNames(true)) {
		return fmt.Sprintf("the arguments of the call of %q are not a JSON object", cut(c.Name, maxEndUser))
	}
	return ""
}
