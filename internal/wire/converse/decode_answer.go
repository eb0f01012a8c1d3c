package converse

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// head is what an answer says beside its content, whole or at the end of a stream.
type head struct {
	Usage *usage `json:"usage"`
	Tier  *typed `json:"serviceTier"`
	Trace *struct {
		Router *struct {
			Model string `json:"invokedModelId"`
		} `json:"promptRouter"`
	} `json:"trace"`
}

func (h *head) tier() string {
	if h.Tier == nil {
		return ""
	}
	return h.Tier.Type
}

// model is the one that answered, which is only said where a router chose it.
func (h *head) model() string {
	if h.Trace == nil || h.Trace.Router == nil {
		return ""
	}
	return h.Trace.Router.Model
}

// DecodeAnswer reads a whole answer. It tells neither an id nor a model of its
// own, but for one that a router chose; the id is a header of the response.
func (Format) DecodeAnswer(body []byte, t wire.Target) (*llm.Answer, error) {
	var in struct {
		head
		Output struct {
			Message *struct {
				Content []jsontext.Value `json:"content"`
			} `json:"message"`
			Type string `json:"__type"`
		} `json:"output"`
		StopReason string         `json:"stopReason"`
		Extra      jsontext.Value `json:"additionalModelResponseFields"`
	}
	body = scan.Sound(body)
	err := json.Unmarshal(body, &in, scan.Lenient)
	if in.Output.Message == nil && isRefusal(body) {
		return nil, errorInside("", body)
	}
	if err != nil {
		return nil, unreadableAnswer(err)
	}
	if in.Output.Message == nil {
		return nil, unreadableAnswer(errors.New("it has no message"))
	}
	if in.StopReason == "" {
		return nil, unreadableAnswer(errors.New("it has no stop reason"))
	}
	a := &llm.Answer{Model: in.model(), ServiceTier: in.tier()}
	if in.Usage != nil {
		a.Usage = in.Usage.neutral(a.ServiceTier)
	}
	c := llm.Choice{}
	answer, calls := false, 0
	for _, raw := range in.Output.Message.Content {
		p, as, err := partOf(raw, t)
		if err != nil {
			return nil, unreadableAnswer(err)
		}
		switch as {
		case asAnswer:
			answer = true
		case asCall, asCustom:
			calls++
		}
		if p != nil {
			c.Parts = append(c.Parts, p)
		}
	}
	c.Finish = answered(finishOf(in.StopReason, in.Extra), answer, calls)
	a.Choices = []llm.Choice{c}
	return a, nil
}

// unreadableAnswer is the error for a whole answer that is none.
func unreadableAnswer(err error) *llm.Error {
	return llm.Errorf(llm.KindUpstream, "the provider's answer can't be read: converse: %w", err)
}

// meaning is what becomes of a block.
type meaning uint8

const (
	asText meaning = iota
	asReasoning
	asCall
	asCustom // a call whose input is free text
	asAnswer // a call that stands for the answer
	asOpaque
)

// partOf reads one block of an answer; nil for one that says nothing.
func partOf(raw jsontext.Value, t wire.Target) (llm.Part, meaning, error) {
	var b block
	if err := json.Unmarshal(raw, &b, scan.Lenient); err != nil {
		return nil, asOpaque, err
	}
	switch {
	case b.Text != nil:
		return llm.Text{Text: *b.Text}, asText, nil
	case b.Cited != nil:
		return b.Cited.part(), asText, nil
	case b.Reasoning != nil:
		return b.Reasoning.part(t), asReasoning, nil
	case b.ToolUse != nil && b.ToolUse.Type == "":
		if b.ToolUse.Name == "" {
			return nil, asOpaque, nil // nothing that could be called
		}
		call, as := called(b.ToolUse, t)
		if call.ID == "" && as != asAnswer {
			call.ID = wire.InventedID("", 0, 0)
		}
		switch arguments := scan.ObjectArguments(b.ToolUse.Input); as {
		case asAnswer:
			return llm.Text{Text: arguments}, as, nil
		case asCustom:
			call.Arguments = wire.FreeText(arguments)
		default:
			call.Arguments = arguments
		}
		return call, as, nil
	case b.Image != nil && b.Image.Source != nil && b.Image.Source.Bytes != "":
		return llm.Media{Kind: llm.MediaImage, MIME: "image/" + b.Image.Format, Data: b.Image.Source.Bytes}, asOpaque, nil
	}
	kind := kindOf(raw)
	if kind == "" {
		return nil, asOpaque, nil
	}
	return llm.Opaque{Format: llm.FormatConverse, Type: kind, Raw: raw.Clone()}, asOpaque, nil
}

// kindOf is what a block calls itself: its only field; "" for one of none or many.
func kindOf(raw jsontext.Value) string {
	var fields map[string]jsontext.Value
	if json.Unmarshal(raw, &fields, scan.Lenient) != nil || len(fields) != 1 {
		return ""
	}
	for name := range fields {
		return name
	}
	return ""
}

func (r *reasoning) part(t wire.Target) llm.Part {
	out := llm.Reasoning{}
	if r.Text != nil {
		out.Text = r.Text.Text
		if r.Text.Signature != "" {
			out.Blob = &llm.Blob{Kind: llm.BlobSignature, Data: r.Text.Signature, Origin: t.Origin}
		}
	}
	switch {
	case out.Blob != nil:
	case r.Redacted != "":
		out.Blob = &llm.Blob{Kind: llm.BlobRedacted, Data: r.Redacted, Origin: t.Origin}
	case out.Text != "":
		out.Blob = unsigned(t)
	default:
		return nil
	}
	return out
}

// unsigned is what goes back with reasoning that bears no signature; nil where
// the model asks for nothing.
func unsigned(t wire.Target) *llm.Blob {
	if t.Reasoning.Replay == "" {
		return nil
	}
	return &llm.Blob{Kind: llm.BlobPlain, Origin: t.Origin}
}

func (c *cited) part() llm.Part {
	out := llm.Text{}
	for _, x := range c.Content {
		out.Text += x.Text
	}
	for _, raw := range c.Citations {
		out.Citations = append(out.Citations, citationOf(raw))
	}
	return out
}

// citationOf reads a citation. It has no place in the text: it stands for the
// whole block.
func citationOf(raw jsontext.Value) llm.Citation {
	c := llm.Citation{Title: scan.Text(scan.Member(raw, "title")), Format: llm.FormatConverse, Raw: raw.Clone()}
	var quoted []struct {
		Text string `json:"text"`
	}
	if v := scan.Member(raw, "sourceContent"); v != nil && json.Unmarshal(v, &quoted, scan.Lenient) == nil {
		for _, q := range quoted {
			c.Quote += q.Text
		}
	}
	if c.URL = scan.Text(scan.Member(scan.Member(scan.Member(raw, "location"), "web"), "url")); c.URL == "" {
		if s := scan.Text(scan.Member(raw, "source")); strings.Contains(s, "://") {
			c.URL = s
		}
	}
	return c
}

// called says what a call is: one under the client's own name for the tool, or
// the answer itself.
func called(u *toolUse, t wire.Target) (llm.ToolCall, meaning) {
	switch name, custom := t.Names.Called(u.Name); {
	case name == answerTool:
		return llm.ToolCall{}, asAnswer
	case custom:
		return llm.ToolCall{ID: u.ID, Name: name, Custom: true}, asCustom
	default:
		return llm.ToolCall{ID: u.ID, Name: name}, asCall
	}
}
