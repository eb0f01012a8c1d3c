package responses

import (
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// split takes the system text that heads the conversation for the instructions.
// System text that a client of this format wrote into the input stays there.
func (w *writer) split(q *llm.Request) (instructions string, rest []llm.Message) {
	if slices.Contains(w.Target.Reject, "instructions") {
		return "", q.Messages
	}
	n := 0
	var texts []string
	for n < len(q.Messages) && isInstructions(q.Messages[n]) {
		texts = append(texts, q.Messages[n].Text())
		n++
	}
	if n == len(q.Messages) && n > 0 && !continues(q) {
		n-- // the format wants an input
		texts = texts[:n]
	}
	return strings.Join(texts, between), q.Messages[n:]
}

func isInstructions(m llm.Message) bool {
	if m.Role != llm.RoleSystem || len(m.Parts) == 0 {
		return false
	}
	for _, p := range m.Parts {
		if t, ok := p.(llm.Text); !ok || t.Citations != nil {
			return false
		}
	}
	return true
}

// input writes the conversation. The format refuses a call without a result and
// a result without a call, so a call that nobody answered gets a result that
// says so, and a result that answers no call becomes the user's words; unless
// the conversation goes on from a stored one, where the other half may stand.
func (w *writer) input(messages []llm.Message, continued bool) []any {
	var items []any
	continued = continued || refers(messages)
	messages = wire.Distinct(messages)
	answered := pair(messages)
	for i, m := range messages {
		if m.Name != "" {
			w.Lose("name", "the Responses API can't name a speaker")
		}
		switch m.Role {
		case llm.RoleAssistant:
			if i == len(messages)-1 && w.Target.NoPrefill && !acts(m) {
				w.Lose("prefill", "the model can't go on with an answer that was begun")
				continue
			}
			items = append(items, w.assistant(m)...)
			for j, p := range m.Parts {
				if c, ok := p.(llm.ToolCall); ok && !answered[place{i, j}] && !continued {
					items = append(items, w.result(llm.ToolResult{CallID: c.ID, Custom: c.Custom, Parts: []llm.Part{llm.Text{Text: "(no result)"}}}))
				}
			}
		case llm.RoleTool, llm.RoleUser:
			rest := llm.Message{Role: llm.RoleUser}
			for j, p := range m.Parts {
				o, isOpaque := p.(llm.Opaque)
				r, isResult := p.(llm.ToolResult)
				switch {
				case isResult && (answered[place{i, j}] || continued):
					items = append(items, w.result(r))
				case isResult:
					rest.Parts = append(rest.Parts, llm.Text{Text: strings.TrimSpace("Result of "+r.Name) + ":\n" + resultText(r)})
					rest.Parts = append(rest.Parts, besideText(r)...)
				case isOpaque && m.Role == llm.RoleTool:
					items = w.opaque(items, o)
				default:
					rest.Parts = append(rest.Parts, p)
				}
			}
			if len(rest.Parts) > 0 || len(m.Parts) == 0 {
				items = append(items, w.spoken(rest, string(llm.RoleUser)))
			}
		default:
			items = append(items, w.spoken(m, string(w.role(m.Role))))
		}
	}
	return items
}

// place is where a part stands: message and part.
type place struct{ message, part int }

// pair finds the calls that have a result after them, and those results. Ids
// that stand twice are paired in order.
func pair(messages []llm.Message) map[place]bool {
	answered, open := map[place]bool{}, map[string][]place{}
	for i, m := range messages {
		for j, p := range m.Parts {
			switch p := p.(type) {
			case llm.ToolCall:
				open[p.ID] = append(open[p.ID], place{i, j})
			case llm.ToolResult:
				if calls := open[p.CallID]; len(calls) > 0 {
					answered[calls[0]], answered[place{i, j}] = true, true
					open[p.CallID] = calls[1:]
				}
			}
		}
	}
	return answered
}

// refers says whether items are named that only the provider has.
func refers(messages []llm.Message) bool {
	return slices.ContainsFunc(messages, func(m llm.Message) bool {
		return slices.ContainsFunc(m.Parts, func(p llm.Part) bool {
			o, ok := p.(llm.Opaque)
			return ok && o.Type == "item_reference"
		})
	})
}

// acts says whether a message holds more than words: after calls, results
// follow, and what the vendor ran is no beginning of an answer.
func acts(m llm.Message) bool {
	return slices.ContainsFunc(m.Parts, func(p llm.Part) bool {
		switch p.(type) {
		case llm.ToolCall, llm.Opaque:
			return true
		}
		return false
	})
}

func (w *writer) role(r llm.Role) llm.Role {
	if w.Target.SystemRole != "" {
		return w.Target.SystemRole
	}
	return r
}

// spoken writes a message of the user's or of the system's.
func (w *writer) spoken(m llm.Message, role string) outItem {
	content := w.content(role, m.Parts)
	if len(content) == 0 {
		content = []any{inputText("")}
	}
	return outItem{Type: "message", Role: role, Content: content}
}

// content writes parts that go into the model.
func (w *writer) content(role string, parts []llm.Part) []any {
	var out []any
	for _, p := range parts {
		switch p := p.(type) {
		case llm.Text:
			if p.Text != "" {
				out = append(out, inputText(p.Text))
			}
		case llm.Refusal:
			out = append(out, inputText(p.Text))
		case llm.Media:
			if v := w.media(p); v != nil {
				out = append(out, v)
			}
		case llm.Opaque:
			if p.Format == llm.FormatResponses || role != string(llm.RoleUser) {
				out = w.opaque(out, p)
			} else if text := w.Told("input", p); text != "" {
				out = append(out, inputText(text))
			}
		}
	}
	return out
}

func (w *writer) opaque(out []any, p llm.Opaque) []any {
	if v, ok := verbatim(p); ok {
		return append(out, v)
	}
	w.Lose(p.Type, "a part of type "+p.Type+" means nothing to another vendor")
	return out
}

// media writes an attachment, or refuses one that the model can't take: leaving
// it out would change what is asked.
func (w *writer) media(m llm.Media) any {
	at := m.URL
	if m.Data != "" {
		at = "data:" + m.MIME + ";base64," + m.Data
	}
	ours := m.Format == llm.FormatResponses || m.Format == llm.FormatChat // one vendor's files
	switch {
	case m.FileID != "" && !ours:
		w.Refuse("input", "a file id of another vendor ("+m.FileID+") can't be read by "+w.Target.Model+": send the file itself")
	case m.Kind == llm.MediaImage && w.Target.NoVision:
		w.Refuse("input", "the model "+w.Target.Model+" can't see images")
	case m.Kind == llm.MediaImage:
		return outImage{Type: "input_image", ImageURL: at, FileID: m.FileID, Detail: m.Detail}
	case m.Kind == llm.MediaAudio && w.Target.NoAudio:
		w.Refuse("input", "the model "+w.Target.Model+" can't hear audio")
	case m.Kind == llm.MediaAudio && m.Data != "":
		return outAudio{Type: "input_audio", Audio: outSound{Data: m.Data, Format: wire.AudioFormat(m.MIME)}}
	case m.Kind == llm.MediaDocument && m.Text != "":
		return inputText(m.Text)
	case m.Kind == llm.MediaDocument && w.Target.NoPDF:
		w.Refuse("input", "the model "+w.Target.Model+" can't read documents")
	case m.Kind == llm.MediaDocument:
		return document(m)
	default:
		w.Refuse("input", "an attachment of type "+m.MIME+" has no place in the Responses API")
	}
	return nil
}

func document(m llm.Media) outFile {
	f := outFile{Type: "input_file", Filename: m.Name, FileURL: m.URL, FileID: m.FileID}
	if m.Data == "" {
		if m.FileID != "" {
			f.Filename = "" // a stored file has its own name, a second one is refused
		}
		return f
	}
	mime := m.MIME
	if mime == "" {
		mime = "application/pdf"
	}
	f.FileData = "data:" + mime + ";base64," + m.Data
	if f.Filename == "" {
		f.Filename = "document.pdf"
	}
	return f
}

// result writes what a tool gave: text alone as a text, else a list.
func (w *writer) result(r llm.ToolResult) outItem {
	out := outItem{Type: "function_call_output", CallID: w.callID(r.CallID)}
	if r.Custom {
		out.Type = "custom_tool_call_output"
	}
	plain := !slices.ContainsFunc(r.Parts, func(p llm.Part) bool { _, ok := p.(llm.Text); return !ok })
	if plain {
		out.Output = resultText(r)
		return out
	}
	var list []any
	if r.IsError {
		list = append(list, inputText("Error:"))
	}
	if list = append(list, w.content(string(llm.RoleUser), r.Parts)...); len(list) == 0 {
		out.Output = ""
		return out
	}
	out.Output = list
	return out
}

// resultText is a result in words; the format has no mark for a failure.
func resultText(r llm.ToolResult) string {
	if r.IsError {
		return "Error: " + r.Text()
	}
	return r.Text()
}

// besideText is what a result holds that isn't text.
func besideText(r llm.ToolResult) []llm.Part {
	return slices.DeleteFunc(slices.Clone(r.Parts), func(p llm.Part) bool { _, ok := p.(llm.Text); return ok })
}

func (w *writer) callID(id string) string {
	shape := w.Target.ToolID
	if shape == wire.ShapeAny {
		shape = wire.ShapeResponses
	}
	return wire.ToolID(id, shape)
}
