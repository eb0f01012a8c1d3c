package chat

import (
	"cmp"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

func toValid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// role gives the role that the target knows for system text; a client of the format
// knows itself.
func (w *writer) role(r llm.Role) llm.Role {
	if w.Target.Names.Passes() {
		return r
	}
	if r == llm.RoleSystem || r == llm.RoleDeveloper {
		if w.Target.SystemRole != "" {
			return w.Target.SystemRole
		}
		return llm.RoleSystem
	}
	return r
}

// messages writes the conversation. A result must follow the call that it
// answers, so what was torn apart is joined again: results without a call become
// text, calls without a result get one that says so.
func (w *writer) messages(in []llm.Message) []outMessage {
	var out []outMessage
	var open []llm.ToolCall // calls not yet answered
	settle := func() {
		for _, c := range open {
			out = append(out, outMessage{Role: "tool", ToolCallID: w.id(c.ID), Content: scan.Quote("(no result)")})
		}
		open = nil
	}
	in = wire.Distinct(in)
	for i, m := range in {
		switch m.Role {
		case llm.RoleTool, llm.RoleUser:
			rest := llm.Message{Role: llm.RoleUser, Name: m.Name}
			for _, p := range m.Parts {
				r, ok := p.(llm.ToolResult)
				if !ok {
					rest.Parts = append(rest.Parts, p)
					continue
				}
				at := indexOf(open, r.CallID)
				if at < 0 {
					text, more := w.resultText(r)
					rest.Parts = append(append(rest.Parts, llm.Text{Text: "Result of " + r.Name + ": " + text}), more...)
					continue
				}
				open = append(open[:at:at], open[at+1:]...)
				result, more := w.result(r)
				out = append(out, result)
				rest.Parts = append(rest.Parts, more...)
			}
			if len(rest.Parts) > 0 || (m.Role == llm.RoleUser && len(m.Parts) == 0) {
				settle()
				out = append(out, w.spoken(rest, "user"))
			}
		case llm.RoleAssistant:
			settle()
			if i == len(in)-1 && w.Target.NoPrefill {
				w.Lose("prefill", "the model can't go on with an answer that was begun")
				continue
			}
			am := w.assistant(m)
			open = append(open, callsOf(m)...)
			out = append(out, am)
		default:
			settle()
			out = append(out, w.spoken(m, string(w.role(m.Role))))
		}
	}
	settle()
	return out
}

// id fits the id of a call into the target's shape; the format has one of its own.
func (w *writer) id(of string) string {
	return wire.ToolID(of, cmp.Or(w.Target.ToolID, wire.ShapeChat))
}

func indexOf(calls []llm.ToolCall, id string) int {
	for i, c := range calls {
		if c.ID == id {
			return i
		}
	}
	return -1
}

func callsOf(m llm.Message) (calls []llm.ToolCall) {
	for _, p := range m.Parts {
		if c, ok := p.(llm.ToolCall); ok {
			calls = append(calls, c)
		}
	}
	return calls
}

// result writes a tool's result. The format's results hold text alone; media
// follow as the user's words.
func (w *writer) result(r llm.ToolResult) (outMessage, []llm.Part) {
	text, media := w.resultText(r)
	return outMessage{Role: "tool", ToolCallID: w.id(r.CallID), Content: scan.Quote(text)}, media
}

func (w *writer) resultText(r llm.ToolResult) (string, []llm.Part) {
	var media []llm.Part
	var text strings.Builder
	for _, p := range r.Parts {
		switch p := p.(type) {
		case llm.Text:
			text.WriteString(p.Text)
		case llm.Media:
			media = append(media, p)
		case llm.Opaque:
			text.WriteString(w.Told("messages", p))
		}
	}
	switch {
	case r.IsError:
		return "Error: " + text.String(), media
	case text.Len() == 0 && len(media) > 0:
		return "(see the attachment in the next message)", media
	}
	return text.String(), media
}

// spoken writes a message of the system or the user.
func (w *writer) spoken(m llm.Message, role string) outMessage {
	out := outMessage{Role: role, Name: w.nameOf(m)}
	parts := w.parts(role, m.Parts)
	if len(parts) == 1 && parts[0].part.Type == "text" && parts[0].raw == nil {
		out.Content = scan.Quote(*parts[0].part.Text)
		return out
	}
	list := make([]any, 0, len(parts))
	for _, p := range parts {
		if p.raw != nil {
			list = append(list, p.raw)
		} else {
			list = append(list, p.part)
		}
	}
	if len(list) == 0 {
		out.Content = scan.Quote("")
		return out
	}
	b, err := json.Marshal(list)
	if err != nil {
		w.Refuse("messages", "a message can't be written: "+err.Error())
	}
	out.Content = b
	return out
}

// nameOf is the name of who speaks, where the target takes one.
func (w *writer) nameOf(m llm.Message) string {
	if m.Name != "" && w.Refused("messages.name") {
		return ""
	}
	return m.Name
}

// written is a content part, or one kept verbatim.
type written struct {
	part outPart
	raw  jsontext.Value
}

func (w *writer) parts(role string, in []llm.Part) (out []written) {
	for _, p := range in {
		switch p := p.(type) {
		case llm.Text:
			if p.Text == "" {
				continue
			}
			text := toValid(p.Text)
			out = append(out, written{part: outPart{Type: "text", Text: &text}})
		case llm.Refusal:
			text := toValid(p.Text)
			out = append(out, written{part: outPart{Type: "text", Text: &text}})
		case llm.Media:
			if m, ok := w.media(p); ok {
				out = append(out, written{part: m})
			}
		case llm.Opaque:
			if p.Format == llm.FormatChat {
				out = append(out, written{raw: p.Raw})
				continue
			}
			if role != "user" {
				w.Lose(p.Type, "a part of type "+p.Type+" means nothing to another vendor")
			} else if text := w.Told("messages", p); text != "" {
				out = append(out, written{part: outPart{Type: "text", Text: &text}})
			}
		}
	}
	return out
}

// media writes an attachment, or refuses one that the model can't take: leaving
// it out would change what is asked.
func (w *writer) media(m llm.Media) (outPart, bool) {
	data := m.URL
	if m.Data != "" {
		data = "data:" + m.MIME + ";base64," + m.Data
	}
	foreign := m.FileID != "" && m.Format != llm.FormatChat
	switch {
	case foreign:
		w.Refuse("messages", "a file id of another vendor ("+m.FileID+") can't be read by "+w.Target.Model+": send the file itself")
	case m.Kind == llm.MediaImage && w.Target.NoVision:
		w.Refuse("messages", "the model "+w.Target.Model+" can't see images")
	case m.Kind == llm.MediaImage && m.FileID == "":
		return outPart{Type: "image_url", ImageURL: &outImage{URL: data, Detail: m.Detail}}, true
	case m.Kind == llm.MediaAudio && w.Target.NoAudio:
		w.Refuse("messages", "the model "+w.Target.Model+" can't hear audio")
	case m.Kind == llm.MediaAudio && m.Data != "":
		return outPart{Type: "input_audio", Audio: &outAudio{Data: m.Data, Format: wire.AudioFormat(m.MIME)}}, true
	case m.Kind == llm.MediaDocument && m.Text != "":
		text := toValid(m.Text)
		return outPart{Type: "text", Text: &text}, true
	case m.Kind == llm.MediaDocument && w.Target.NoPDF:
		w.Refuse("messages", "the model "+w.Target.Model+" can't read documents")
	case m.Kind == llm.MediaDocument, m.Kind == llm.MediaImage:
		f := outFile{FileData: data, FileID: m.FileID, Filename: m.Name}
		if f.Filename == "" && f.FileID == "" {
			f.Filename = "document.pdf"
		}
		return outPart{Type: "file", File: &f}, true
	default:
		w.Refuse("messages", "an attachment of type "+m.MIME+" has no place in Chat Completions")
	}
	return outPart{}, false
}

// assistant writes a message of the model's.
func (w *writer) assistant(m llm.Message) outMessage {
	out := outMessage{Role: "assistant", Name: w.nameOf(m)}
	var text strings.Builder
	var refusal *string
	for _, p := range m.Parts {
		switch p := p.(type) {
		case llm.Text:
			text.WriteString(p.Text)
		case llm.Refusal:
			refusal = &p.Text
		case llm.Opaque:
			w.Lose(p.Type, "a part of type "+p.Type+" means nothing to another vendor")
		case llm.Media:
			w.Lose("assistant_media", "Chat Completions takes no media in what the model said")
		case llm.ToolCall:
			out.ToolCalls = append(out.ToolCalls, w.call(p))
		case llm.Reasoning:
			w.replay(&out, p, len(callsOf(m)) > 0)
		}
	}
	if refusal != nil && w.Refused("messages.refusal") {
		text.WriteString(*refusal)
		refusal = nil
	}
	out.Refusal = refusal
	if text.Len() > 0 || (len(out.ToolCalls) == 0 && refusal == nil) {
		out.Content = scan.Quote(text.String())
	} else {
		out.Content = jsontext.Value("null")
	}
	if w.Target.Reasoning.Replay == "always" && out.ReasoningContent == nil && out.Reasoning == nil && len(out.ToolCalls) > 0 {
		// The maker refuses a tool turn without the field; an empty one passes.
		empty := ""
		w.setReasoning(&out, &empty)
	}
	return out
}

// replay sends reasoning back to its maker alone.
func (w *writer) replay(out *outMessage, r llm.Reasoning, calls bool) {
	if r.Blob == nil || r.Blob.Origin != w.Target.Origin || w.Target.Reasoning.Replay == "" {
		return
	}
	if w.Target.Reasoning.Replay == "tools" && !calls {
		return
	}
	switch r.Blob.Kind {
	case llm.BlobDetails:
		out.ReasoningDetails = joined(out.ReasoningDetails, jsontext.Value(r.Blob.Data))
	case llm.BlobPlain:
		text := toValid(r.Text)
		for _, before := range []*string{out.Reasoning, out.ReasoningContent} {
			if before != nil && *before != "" {
				text = *before + "\n\n" + text
			}
		}
		w.setReasoning(out, &text)
	}
}

// joined puts the elements of two lists in one. An answer that reasons twice has
// two of them, and a message one field.
func joined(a, b jsontext.Value) jsontext.Value {
	var list, more []jsontext.Value
	if len(a) == 0 || json.Unmarshal(a, &list) != nil || json.Unmarshal(b, &more) != nil {
		return b
	}
	out, err := json.Marshal(append(list, more...))
	if err != nil {
		return b
	}
	return out
}

func (w *writer) setReasoning(out *outMessage, text *string) {
	if w.Target.Reasoning.Field == "reasoning" {
		out.Reasoning = text
		return
	}
	out.ReasoningContent = text
}

func (w *writer) call(c llm.ToolCall) outCall {
	out := outCall{ID: w.id(c.ID)}
	if c.Custom && w.Target.NoFreeText {
		out.Type, out.Function = "function", &outCalled{Name: w.Target.Names.OutFreeText(c.Name), Arguments: wire.FreeTextArguments(c.Arguments)}
		return out
	}
	if c.Custom {
		out.Type, out.Custom = "custom", &outFreeText{Name: w.Target.Names.Out(c.Name), Input: toValid(c.Arguments)}
		return out
	}
	args := toValid(c.Arguments)
	if strings.TrimSpace(args) == "" {
		args = "{}"
	}
	out.Type, out.Function = "function", &outCalled{Name: w.Target.Names.Out(c.Name), Arguments: args}
	return out
}
