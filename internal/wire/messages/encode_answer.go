package messages

import (
	"cmp"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// message is an answer as it is written: typed clients expect every key, null
// ones too.
type message struct {
	ID           string         `json:"id"`
	Type         string         `json:"type"`
	Role         string         `json:"role"`
	Model        string         `json:"model"`
	Content      jsontext.Value `json:"content"`
	StopReason   *string        `json:"stop_reason"`
	StopSequence *string        `json:"stop_sequence"`
	StopDetails  *stopDetails   `json:"stop_details"`
	Container    jsontext.Value `json:"container"`
	Usage        *usage         `json:"usage"`
}

func newMessage(id, model string, c wire.Caller) message {
	return message{
		ID:        cmp.Or(id, c.ID),
		Type:      "message",
		Role:      roleAssistant,
		Model:     cmp.Or(c.Model, model),
		Content:   jsontext.Value("[]"),
		Container: jsontext.Value("null"),
	}
}

// EncodeAnswer writes a whole answer. The format has one choice: the first.
func (Format) EncodeAnswer(a *llm.Answer, c wire.Caller) ([]byte, error) {
	m := newMessage(a.ID, a.Model, c)
	u := a.Usage
	u.ServiceTier = cmp.Or(u.ServiceTier, a.ServiceTier)
	if u.Quality == llm.QualityUnknown && u.IsZero() {
		u.Input = c.InputEstimate
	}
	m.Usage = usageOf(u)
	var choice llm.Choice
	if len(a.Choices) > 0 {
		choice = a.Choices[0]
	}
	called := false
	var blocks []*block
	for _, p := range choice.Parts {
		if b := shown(p); b != nil {
			blocks = append(blocks, b)
			called = called || b.Type == typeToolUse
		}
	}
	content, err := list(blocks)
	if err != nil {
		return nil, err
	}
	m.Content = content
	reason := stopReason(choice.Finish, called)
	m.StopReason, m.StopSequence, m.StopDetails = &reason, sequenceOf(choice.Finish), detailsOf(choice.Finish)
	body, err := json.Marshal(m, writing)
	if err != nil {
		return nil, fmt.Errorf("write an answer: %w", err)
	}
	for _, x := range a.Extra {
		if x.Format == llm.FormatMessages {
			body = withExtra(body, x)
		}
	}
	return body, nil
}

// withExtra adds a field that the provider said beside the answer.
func withExtra(body []byte, x llm.Field) []byte {
	if v := scan.Member(body, x.Name); v != nil && v.Kind() != 'n' {
		return body
	}
	added, err := scan.Splice(body, []scan.Edit{{Name: x.Name, Value: x.Value}})
	if err != nil {
		return body
	}
	return added
}

// shown is the block that a client sees of a part; nil for what the format
// can't say in an answer.
func shown(p llm.Part) *block {
	switch p := p.(type) {
	case llm.Text:
		if p.Text == "" {
			return nil
		}
		return &block{Type: typeText, Text: &p.Text, Citations: arrayOf(ownCitations(p.Citations))}
	case llm.Refusal:
		if p.Text == "" {
			return nil
		}
		return &block{Type: typeText, Text: &p.Text}
	case llm.Reasoning:
		return shownReasoning(p)
	case llm.ToolCall:
		b := &block{Type: typeToolUse, ID: p.ID, Name: p.Name, Input: scan.ArgumentsObject(p.Arguments)}
		if p.Custom {
			b.Input = jsontext.Value(wire.FreeTextArguments(p.Arguments))
		}
		return b
	case llm.Opaque:
		if p.Format == llm.FormatMessages {
			return &block{Type: p.Type, raw: p.Raw}
		}
	}
	return nil
}

// ownCitations leaves out those of other formats: what they'd look like here
// would be refused when the client sends it back.
func ownCitations(citations []llm.Citation) []jsontext.Value {
	var own []jsontext.Value
	for _, c := range citations {
		if c.Format == llm.FormatMessages && len(c.Raw) > 0 {
			own = append(own, c.Raw)
		}
	}
	return own
}

// shownReasoning shows reasoning that another format made without a signature:
// the client can show it, and no provider takes it for its own.
func shownReasoning(p llm.Reasoning) *block {
	signature := ""
	if p.Blob != nil {
		switch p.Blob.Kind {
		case llm.BlobRedacted:
			return &block{Type: typeRedacted, Data: p.Blob.Data}
		case llm.BlobSignature:
			signature = p.Blob.Data
		}
	}
	if p.Text == "" && signature == "" {
		return nil
	}
	return &block{Type: typeThinking, Thinking: &p.Text, Signature: &signature}
}
