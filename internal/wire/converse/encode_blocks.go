package converse

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

const statusError = "error"

// blocks writes the parts of a message. Blank text is left out: the API refuses
// it.
func (e *encoding) blocks(role string, parts []llm.Part, replayed bool) ([]*block, error) {
	var out []*block
	for _, p := range parts {
		var b *block
		var mark *llm.CacheMark
		var err error
		switch p := p.(type) {
		case llm.Text:
			b, mark = e.text(role, p), p.Cache
		case llm.Refusal:
			b = e.text(role, llm.Text{Text: p.Text})
		case llm.Reasoning:
			if replayed && role == roleAssistant {
				b = e.thought(p)
			}
		case llm.Media:
			if role == roleAssistant {
				e.drop("assistant_media", "images and files of the assistant's own can't be sent back")
				continue
			}
			mark = p.Cache
			b, err = e.media(p)
		case llm.ToolCall:
			switch mark = p.Cache; {
			case role != roleAssistant:
			case e.toolless():
				b = toldCall(p)
			default:
				b = e.call(p)
			}
		case llm.ToolResult:
			mark = p.Cache
			switch {
			case role != roleUser:
			case e.toolless():
				var told []*block
				told, err = e.toldResult(p)
				if len(told) > 0 {
					out, b = append(out, told[:len(told)-1]...), told[len(told)-1]
				}
			default:
				b, err = e.result(p)
			}
			if mark == nil {
				mark = markWithin(p)
			}
		case llm.Opaque:
			e.drop(p.Type, "a part of type %s has no word in this format", p.Type)
		}
		if err != nil {
			return nil, err
		}
		if b != nil {
			out = marked(append(out, b), mark)
		}
	}
	return out, nil
}

// marked adds a cache point behind the blocks, where the last was marked.
func marked(blocks []*block, mark *llm.CacheMark) []*block {
	if mark == nil {
		return blocks
	}
	return append(blocks, &block{CachePoint: pointOf(mark)})
}

// markWithin is a cache mark inside a result, whose place is behind the whole.
func markWithin(r llm.ToolResult) *llm.CacheMark {
	for _, p := range r.Parts {
		switch p := p.(type) {
		case llm.Text:
			if p.Cache != nil {
				return p.Cache
			}
		case llm.Media:
			if p.Cache != nil {
				return p.Cache
			}
		}
	}
	return nil
}

func (e *encoding) text(role string, p llm.Text) *block {
	if blank(p.Text) {
		return nil
	}
	if role == roleAssistant && len(p.Citations) > 0 {
		e.drop("citations", "citations can't be sent back")
	}
	return textBlock(p.Text)
}

// thought writes reasoning that this very target made. Any other is left out:
// the API refuses it.
func (e *encoding) thought(p llm.Reasoning) *block {
	if p.Blob == nil || p.Blob.Origin != e.t.Origin {
		return nil
	}
	switch p.Blob.Kind {
	case llm.BlobSignature:
		return &block{Reasoning: &reasoning{Text: &reasoningText{Text: p.Text, Signature: p.Blob.Data}}}
	case llm.BlobRedacted:
		if p.Blob.Data != "" {
			return &block{Reasoning: &reasoning{Redacted: p.Blob.Data}}
		}
	case llm.BlobPlain:
		if !blank(p.Text) {
			return &block{Reasoning: &reasoning{Text: &reasoningText{Text: p.Text}}}
		}
	}
	return nil
}

// toolID fits an id into the target's shape; the format has one of its own.
func (e *encoding) toolID(id string) string {
	shape := e.t.ToolID
	if shape == wire.ShapeAny {
		shape = wire.ShapeAnthropic
	}
	return wire.ToolID(id, shape)
}

func (e *encoding) call(p llm.ToolCall) *block {
	if p.Custom {
		return &block{ToolUse: &toolUse{ID: e.toolID(p.ID), Name: e.t.Names.OutFreeText(p.Name), Input: jsontext.Value(wire.FreeTextArguments(p.Arguments))}}
	}
	return &block{ToolUse: &toolUse{ID: e.toolID(p.ID), Name: e.t.Names.Out(p.Name), Input: scan.ArgumentsObject(p.Arguments)}}
}

func (e *encoding) result(p llm.ToolResult) (*block, error) {
	inner, err := e.resultContent(p)
	if err != nil {
		return nil, err
	}
	r := &toolResult{ID: e.toolID(p.CallID), Content: inner}
	if p.IsError {
		r.Status = statusError
	}
	if len(inner) == 0 {
		// One model takes an empty list, others a blank text, none of them both.
		r.Content = []*block{textBlock("(no output)")}
	}
	return &block{ToolResult: r}, nil
}

func (e *encoding) resultContent(p llm.ToolResult) ([]*block, error) {
	var inner []*block
	for _, part := range p.Parts {
		var b *block
		var err error
		switch part := part.(type) {
		case llm.Text:
			b = e.text(roleUser, part)
		case llm.Media:
			if part.Kind == llm.MediaAudio {
				return nil, wire.BadRequest("messages", "messages: the result of a tool can't hold sound for "+e.t.Model)
			}
			b, err = e.media(part)
		case llm.Opaque:
			e.drop(part.Type, "a part of type %s has no word in this format", part.Type)
		}
		if err != nil {
			return nil, err
		}
		if b != nil {
			inner = append(inner, b)
		}
	}
	return inner, nil
}

// toolless says that calls and results of earlier turns must be told in words:
// the API refuses their blocks in a request without tools, and models that can't
// call any refuse tools.
func (e *encoding) toolless() bool {
	if e.t.NoTools {
		e.drop("tool_history", "the model can't call tools: earlier calls and their results were told in words")
	}
	return e.t.NoTools
}

func toldCall(p llm.ToolCall) *block { return textBlock(wire.ToldCall(p)) }

func (e *encoding) toldResult(p llm.ToolResult) ([]*block, error) {
	inner, err := e.resultContent(p)
	if err != nil {
		return nil, err
	}
	s := wire.ToldResult(p)
	switch {
	case len(inner) == 0:
		s += "nothing"
	case inner[0].Text != nil:
		s += *inner[0].Text
		inner = inner[1:]
	}
	return append([]*block{textBlock(s)}, inner...), nil
}
