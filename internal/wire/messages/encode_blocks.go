package messages

import (
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// blocks writes the parts of a message. Blank text is left out: the API refuses
// it.
func (e *encoding) blocks(role string, parts []llm.Part, replayed bool) ([]*block, error) {
	var out []*block
	for _, p := range parts {
		var b *block
		var err error
		switch p := p.(type) {
		case llm.Text:
			b = e.text(role, p)
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
			b, err = e.media(p)
		case llm.ToolCall:
			switch {
			case role != roleAssistant:
			case e.toolless():
				b = e.toldCall(p)
			default:
				b = e.call(p)
			}
		case llm.ToolResult:
			switch {
			case role != roleUser:
			case e.toolless():
				var told []*block
				told, err = e.toldResult(p)
				out = append(out, told...)
			default:
				b, err = e.result(p)
			}
		case llm.Opaque:
			if role == roleAssistant {
				b = e.opaque(p)
			} else {
				b, err = e.told(p)
			}
		}
		if err != nil {
			return nil, err
		}
		if b != nil {
			out = append(out, b)
		}
	}
	return out, nil
}

func (e *encoding) text(role string, p llm.Text) *block {
	if blank(p.Text) {
		return nil
	}
	b := &block{Type: typeText, Text: &p.Text, CacheControl: controlOf(p.Cache)}
	if role != roleAssistant {
		return b
	}
	own := ownCitations(p.Citations)
	if len(own) < len(p.Citations) {
		e.drop("citations", "citations of another format can't be sent back")
	}
	b.Citations = arrayOf(own)
	return b
}

// arrayOf writes values as an array; none at all as nothing.
func arrayOf(values []jsontext.Value) jsontext.Value {
	if len(values) == 0 {
		return nil
	}
	v, err := json.Marshal(values, writing)
	if err != nil {
		return nil
	}
	return v
}

// thought writes reasoning that this very target made and signed. Any other is
// left out: the API refuses it.
func (e *encoding) thought(p llm.Reasoning) *block {
	if p.Blob == nil || p.Blob.Origin != e.t.Origin {
		return nil
	}
	switch p.Blob.Kind {
	case llm.BlobSignature:
		return &block{Type: typeThinking, Thinking: &p.Text, Signature: &p.Blob.Data}
	case llm.BlobRedacted:
		return &block{Type: typeRedacted, Data: p.Blob.Data}
	}
	return nil
}

func (e *encoding) opaque(p llm.Opaque) *block {
	if p.Format != llm.FormatMessages {
		e.drop(p.Type, "a part of type %s has no word in this format", p.Type)
		return nil
	}
	return &block{Type: p.Type, raw: p.Raw}
}

// told writes a part that the client said.
func (e *encoding) told(p llm.Opaque) (*block, error) {
	if p.Format == llm.FormatMessages {
		return e.opaque(p), nil
	}
	s := e.Told("messages", p)
	if e.Err != nil {
		return nil, e.Err
	}
	return e.text(roleUser, llm.Text{Text: s}), nil
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
	b := &block{Type: typeToolUse, ID: e.toolID(p.ID), CacheControl: controlOf(p.Cache)}
	if p.Custom {
		b.Name, b.Input = e.t.Names.OutFreeText(p.Name), jsontext.Value(wire.FreeTextArguments(p.Arguments))
		return b
	}
	b.Name, b.Input = e.t.Names.Out(p.Name), scan.ArgumentsObject(p.Arguments)
	return b
}

func (e *encoding) result(p llm.ToolResult) (*block, error) {
	b := &block{Type: typeResult, ToolUseID: e.toolID(p.CallID), IsError: p.IsError}
	inner, mark, err := e.resultContent(p)
	if err != nil {
		return nil, err
	}
	b.CacheControl = mark
	switch {
	case len(inner) == 0 && p.IsError:
		b.Content = scan.Quote("error") // an error without content is refused
	case len(inner) == 0:
	case len(inner) == 1 && inner[0].Type == typeText && inner[0].raw == nil:
		b.Content = scan.Quote(*inner[0].Text)
	default:
		v, err := list(inner)
		if err != nil {
			return nil, err
		}
		b.Content = v
	}
	return b, nil
}

// resultContent writes what a result holds, and the one cache mark for all of
// it: its place is the same.
func (e *encoding) resultContent(p llm.ToolResult) (inner []*block, mark *cacheControl, err error) {
	mark = controlOf(p.Cache)
	for _, part := range p.Parts {
		var x *block
		switch part := part.(type) {
		case llm.Text:
			x = e.text(roleUser, part)
		case llm.Media:
			x, err = e.media(part)
		case llm.Opaque:
			x, err = e.told(part)
		}
		if err != nil {
			return nil, nil, err
		}
		if x == nil {
			continue
		}
		if mark == nil {
			mark = x.CacheControl
		}
		x.CacheControl = nil
		inner = append(inner, x)
	}
	return inner, mark, nil
}

// toolless says that calls and results of earlier turns must be told in words:
// the API refuses their blocks in a request without tools, and offering tools to
// a model that can't call any is refused as well.
func (e *encoding) toolless() bool {
	if !e.t.NoTools || e.forwarded {
		return false
	}
	e.drop("tool_history", "the model can't call tools: earlier calls and their results were told in words")
	return true
}

func (e *encoding) toldCall(p llm.ToolCall) *block {
	s := wire.ToldCall(p)
	return &block{Type: typeText, Text: &s, CacheControl: controlOf(p.Cache)}
}

func (e *encoding) toldResult(p llm.ToolResult) ([]*block, error) {
	inner, mark, err := e.resultContent(p)
	if err != nil {
		return nil, err
	}
	s := wire.ToldResult(p)
	switch {
	case len(inner) == 0:
		s += "nothing"
	case inner[0].Type == typeText && inner[0].raw == nil:
		s += *inner[0].Text
		inner = inner[1:]
	}
	told := append([]*block{{Type: typeText, Text: &s}}, inner...)
	told[len(told)-1].CacheControl = mark
	return told, nil
}

func (e *encoding) media(p llm.Media) (*block, error) {
	b := &block{Type: typeImage, CacheControl: controlOf(p.Cache)}
	switch p.Kind {
	case llm.MediaImage:
		if e.t.NoVision {
			return nil, wire.BadRequest("messages", fmt.Sprintf("messages: %s takes no images", e.t.Model))
		}
		if p.Detail != "" && p.Detail != "auto" {
			e.drop("image_detail", "the detail of images can't be chosen")
		}
	case llm.MediaDocument:
		b.Type, b.Title = typeDocument, p.Name
		if e.t.NoPDF && p.Text == "" && !strings.HasPrefix(p.MIME, "text/") {
			return nil, wire.BadRequest("messages", fmt.Sprintf("messages: %s takes no documents", e.t.Model))
		}
		b.Context = scan.Member(p.Extra, "context")
		b.Citations = scan.Member(p.Extra, "citations")
	case llm.MediaAudio:
		return nil, wire.BadRequest("messages", "messages: "+e.t.Model+" takes no sound in this format")
	default:
		return nil, wire.BadRequest("messages", "messages: "+e.t.Model+" takes no films in this format")
	}
	s, err := sourceOf(p)
	if err != nil {
		return nil, err
	}
	b.Source = s
	return b, nil
}

func sourceOf(p llm.Media) (*source, error) {
	switch {
	case p.FileID != "" && p.Format == llm.FormatMessages:
		return &source{Type: "file", FileID: p.FileID}, nil
	case p.FileID != "":
		return nil, wire.BadRequest("messages", fmt.Sprintf("messages: the file %q belongs to another provider: send its content", p.FileID))
	case p.URL != "":
		return &source{Type: "url", URL: p.URL}, nil
	case p.Kind == llm.MediaImage:
		return &source{Type: "base64", MediaType: imageType(p.MIME, p.Data), Data: p.Data}, nil
	case p.Text != "":
		return &source{Type: "text", MediaType: "text/plain", Data: p.Text}, nil
	case strings.HasPrefix(p.MIME, "text/"):
		plain, err := base64.StdEncoding.DecodeString(p.Data)
		if err != nil {
			return nil, wire.BadRequest("messages", "messages: a document's data is not base64")
		}
		return &source{Type: "text", MediaType: "text/plain", Data: string(plain)}, nil
	}
	if p.MIME == "" || p.MIME == "application/octet-stream" {
		return &source{Type: "base64", MediaType: "application/pdf", Data: p.Data}, nil
	}
	return &source{Type: "base64", MediaType: p.MIME, Data: p.Data}, nil
}

// imageType is the type of an image: as said, or by the first bytes of its data.
func imageType(said, data string) string {
	switch said {
	case "image/jpg":
		return "image/jpeg"
	case "":
	default:
		return said
	}
	for _, kind := range []struct{ start, mime string }{
		{"iVBOR", "image/png"}, {"/9j/", "image/jpeg"}, {"R0lG", "image/gif"}, {"UklG", "image/webp"},
	} {
		if strings.HasPrefix(data, kind.start) {
			return kind.mime
		}
	}
	return "image/png"
}
