package messages

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// DecodeAnswer reads a whole answer.
func (Format) DecodeAnswer(body []byte, t wire.Target) (*llm.Answer, error) {
	var in struct {
		Type         string           `json:"type"`
		ID           string           `json:"id"`
		Model        string           `json:"model"`
		Content      []jsontext.Value `json:"content"`
		StopReason   string           `json:"stop_reason"`
		StopSequence string           `json:"stop_sequence"`
		StopDetails  *stopDetails     `json:"stop_details"`
		Usage        *usage           `json:"usage"`
		Error        jsontext.Value   `json:"error"`
	}
	body = scan.Sound(body)
	err := json.Unmarshal(body, &in, scan.Lenient)
	if k := in.Error.Kind(); in.Type == "error" || in.Content == nil && (k == '{' || k == '"') {
		return nil, errorInside(body)
	}
	if err != nil {
		return nil, unreadableAnswer(err)
	}
	if in.Content == nil {
		return nil, unreadableAnswer(errors.New("it has no content"))
	}
	a := &llm.Answer{ID: in.ID, Model: in.Model}
	if in.Usage != nil {
		a.Usage = in.Usage.neutral(t)
		a.ServiceTier = in.Usage.ServiceTier
	}
	c := llm.Choice{}
	answer, calls := false, 0
	for _, raw := range in.Content {
		p, as, err := answerPart(raw, t)
		if err != nil {
			return nil, unreadableAnswer(err)
		}
		switch as {
		case asNothing:
			continue
		case asAnswer:
			answer = true
		case asCall, asCustom:
			if call, ok := p.(llm.ToolCall); ok && call.ID == "" {
				call.ID = wire.InventedID(in.ID, 0, calls)
				p = call
			}
			calls++
		}
		c.Parts = append(c.Parts, p)
	}
	c.Finish = answered(finishOf(in.StopReason, in.StopSequence, in.StopDetails), answer, calls)
	a.Choices = []llm.Choice{c}
	a.Extra = beside(body)
	return a, nil
}

// answerPart reads one block of a provider's answer.
func answerPart(raw jsontext.Value, t wire.Target) (llm.Part, meaning, error) {
	typ := scan.Text(scan.Member(raw, "type"))
	switch typ {
	case "":
		return nil, asNothing, nil
	case typeText, typeThinking, typeRedacted, typeToolUse:
	default:
		return opaque(typ, raw), asOpaque, nil
	}
	var b block
	if err := json.Unmarshal(raw, &b, scan.Lenient); err != nil {
		return nil, asOpaque, err
	}
	if typ == typeToolUse && b.Name == "" {
		return nil, asNothing, nil // nothing that could be called
	}
	if typ != typeToolUse {
		p, err := b.part("content", t.Origin)
		return p, asText, err
	}
	call, as := called(&b, t)
	switch arguments := scan.ObjectArguments(b.Input); as {
	case asAnswer:
		return llm.Text{Text: arguments}, as, nil
	case asCustom:
		call.Arguments = wire.FreeText(arguments)
	default:
		call.Arguments = arguments
	}
	return call, as, nil
}

// beside keeps what a provider says beside its answer.
func beside(body []byte) []llm.Field {
	var out []llm.Field
	o := scan.NewObject(body)
	for o.Next() {
		f := o.Field()
		switch string(f.Name) {
		case "type", "id", "model", "role", "content", "stop_reason", "stop_sequence", "stop_details", "usage":
			continue
		}
		if f.Kind != 'n' {
			out = append(out, llm.Field{Format: llm.FormatMessages, Name: string(f.Name), Value: f.Value})
		}
	}
	return out
}
