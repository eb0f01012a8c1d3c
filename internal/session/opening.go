package session

import (
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// shape says where a format keeps what a conversation begins with.
type shape struct {
	system    []string // top-level fields
	messages  string   // the conversation
	assistant string   // the answering role
}

var shapes = map[llm.Format]shape{
	llm.FormatChat:      {nil, "messages", "assistant"},
	llm.FormatMessages:  {[]string{"system"}, "messages", "assistant"},
	llm.FormatResponses: {[]string{"instructions"}, "input", "assistant"},
	llm.FormatGemini:    {[]string{"systemInstruction", "system_instruction"}, "contents", "model"},
}

// opening is how a conversation begins: raw JSON as the client writes it, which
// it does alike in every turn, and the beginning of the first answer.
type opening struct {
	system, user []byte
	answer       string
}

// maxMessages bounds how far an opening is looked for.
const maxMessages = 64

func openingOf(f llm.Format, body []byte) opening {
	var o opening
	sh := shapes[f]
	for obj := scan.CheckedObject(body); obj.Next(); {
		field := obj.Field()
		name := string(field.Name)
		for _, s := range sh.system {
			if name == s {
				o.system = field.Value
			}
		}
		if name != sh.messages {
			continue
		}
		if field.Kind != '[' {
			o.user = field.Value
			continue
		}
		o.read(field.Value, sh)
	}
	return o
}

func (o *opening) read(messages []byte, sh shape) {
	arr := scan.CheckedArray(messages)
	for n := 0; n < maxMessages && arr.Next(); n++ {
		raw, kind := arr.Value()
		if kind != '{' {
			continue
		}
		m := messageOf(raw, sh.assistant)
		switch {
		case m.role == sh.assistant, m.callName != "":
			if o.answer = cut(m.text); o.answer == "" && m.callName != "" {
				o.answer = "call:" + m.callName
			}
			if o.answer != "" {
				return
			}
		case o.user == nil && (m.role == "user" || m.role == "" && m.item == ""):
			o.user = raw
		case o.user == nil && m.item == "":
			o.system = append(o.system[:len(o.system):len(o.system)], raw...)
		}
	}
}

// message is what matters of one message of any format.
type message struct{ role, item, text, callName string }

// messageOf reads a message; its text only where the model speaks, since a
// user's may be long.
func messageOf(raw []byte, assistant string) message {
	var m message
	var store [2]scan.Field
	contents, name := store[:0], ""
	for obj := scan.CheckedObject(raw); obj.Next(); {
		f := obj.Field()
		switch string(f.Name) {
		case "role":
			m.role, _ = f.String()
		case "type":
			m.item, _ = f.String()
		case "name":
			name, _ = f.String()
		case "content", "parts":
			contents = append(contents, f)
		case "tool_calls":
			m.callName = callIn(f)
		}
	}
	if m.item == "function_call" || m.item == "custom_tool_call" {
		m.callName = name
	}
	if m.role != assistant {
		return m
	}
	for _, f := range contents {
		m.text += textOf(f)
		if m.callName == "" {
			m.callName = callIn(f)
		}
	}
	return m
}

// textOf joins the visible text of a content: a string, or parts with a text.
func textOf(f scan.Field) string {
	if f.Kind == '"' {
		s, _ := f.String()
		return s
	}
	if f.Kind != '[' {
		return ""
	}
	out := ""
	for arr := scan.CheckedArray(f.Value); len(out) < Enough && arr.Next(); {
		raw, kind := arr.Value()
		if kind != '{' {
			continue
		}
		text, thought := "", false
		for obj := scan.CheckedObject(raw); obj.Next(); {
			p := obj.Field()
			switch string(p.Name) {
			case "text":
				text, _ = p.String()
			case "thought":
				thought, _ = p.Bool()
			}
		}
		if !thought {
			out += text
		}
	}
	return out
}

// callIn returns the name of the first tool call in a list of parts or calls.
func callIn(f scan.Field) string {
	if f.Kind != '[' {
		return ""
	}
	for arr := scan.CheckedArray(f.Value); arr.Next(); {
		raw, kind := arr.Value()
		if kind != '{' {
			continue
		}
		name, isCall := "", false
		for obj := scan.CheckedObject(raw); obj.Next(); {
			p := obj.Field()
			switch string(p.Name) {
			case "name":
				name, _ = p.String()
			case "type":
				t, _ := p.String()
				isCall = isCall || t == "tool_use"
			case "function", "functionCall", "function_call":
				isCall = true
				for in := scan.CheckedObject(p.Value); in.Next(); {
					if string(in.Field().Name) == "name" {
						name, _ = in.Field().String()
					}
				}
			}
		}
		if isCall && name != "" {
			return name
		}
	}
	return ""
}
