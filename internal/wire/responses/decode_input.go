package responses

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

func readInput(r *reading, v jsontext.Value) error {
	switch v.Kind() {
	case 'n':
		return nil
	case '"':
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			return err
		}
		r.Messages = append(r.Messages, llm.Message{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: s}}})
		return nil
	case '[':
	default:
		return errors.New("it is neither a text nor a list of items")
	}
	var raws []jsontext.Value
	if err := json.Unmarshal(v, &raws); err != nil {
		return err
	}
	var c conversation
	for i, raw := range raws {
		if err := c.add(raw); err != nil {
			return wire.BadField(fmt.Sprintf("input[%d]", i), err)
		}
	}
	r.Messages = append(r.Messages, c.messages...)
	return nil
}

// conversation makes messages of items. What the model wrote in a row is one
// message, as the answer was that it came from; so are the results after it.
type conversation struct {
	messages []llm.Message
	made     llm.Origin // of the reasoning in it; zero: not known
}

func (c *conversation) join(role llm.Role, parts ...llm.Part) {
	if n := len(c.messages); n > 0 && c.messages[n-1].Role == role && (role == llm.RoleAssistant || role == llm.RoleTool) {
		c.messages[n-1].Parts = append(c.messages[n-1].Parts, parts...)
		return
	}
	c.messages = append(c.messages, llm.Message{Role: role, Parts: parts})
}

func (c *conversation) add(raw jsontext.Value) error {
	if raw.Kind() != '{' {
		return errors.New("an item is an object")
	}
	var k kind
	if err := json.Unmarshal(raw, &k); err != nil {
		return err
	}
	switch {
	case k.Type == "message" || k.Type == "" && k.Role != "":
		return c.message(raw, k.Role)
	case k.Type == "function_call_output" || k.Type == "custom_tool_call_output":
		return c.result(raw)
	case k.Type == "function_call" || k.Type == "custom_tool_call" || k.Type == "reasoning":
		parts, err := partsOf(raw, wire.Target{Origin: c.made})
		if err != nil {
			return err
		}
		if call, ok := parts[0].(llm.ToolCall); ok && (call.ID == "" || call.Name == "") {
			return errors.New("a call needs a call_id and a name")
		}
		c.join(llm.RoleAssistant, parts...)
	case k.Type == "":
		c.join(llm.RoleAssistant, llm.Opaque{Format: llm.FormatResponses, Type: "item_reference", Raw: raw})
	case isOutput(k.Type):
		c.join(llm.RoleTool, llm.Opaque{Format: llm.FormatResponses, Type: k.Type, Raw: raw})
	default:
		c.join(llm.RoleAssistant, llm.Opaque{Format: llm.FormatResponses, Type: k.Type, Raw: raw})
	}
	return nil
}

// isOutput says whether an item is the client's answer to what the model wanted.
func isOutput(typ string) bool {
	return strings.HasSuffix(typ, "_output") || strings.HasSuffix(typ, "_response")
}

func (c *conversation) message(raw jsontext.Value, role string) error {
	var it item
	if err := json.Unmarshal(raw, &it); err != nil {
		return err
	}
	parts, err := contentParts(it.Content)
	if err != nil {
		return err
	}
	switch role {
	case "user", "developer":
		c.join(llm.Role(role), parts...)
	case "system":
		c.join(llm.RoleSystem, markInput(parts)...)
	case "assistant":
		if len(parts) == 0 {
			return nil
		}
		for _, p := range parts {
			if _, ok := p.(llm.Opaque); ok {
				// A part alone would be written back as an item of its own.
				parts = []llm.Part{llm.Opaque{Format: llm.FormatResponses, Type: "message", Raw: raw}}
				break
			}
		}
		c.join(llm.RoleAssistant, parts...)
	default:
		return fmt.Errorf("role %q is not one of user, assistant, system, developer", role)
	}
	return nil
}

// markInput marks system text that stands in the input. Without the mark it
// could not be told from the instructions, which are another field. The mark is
// a list of citations that is empty and yet not nil: no format writes it.
func markInput(parts []llm.Part) []llm.Part {
	for i, p := range parts {
		if t, ok := p.(llm.Text); ok && t.Citations == nil {
			t.Citations = []llm.Citation{}
			parts[i] = t
		}
	}
	return parts
}

func (c *conversation) result(raw jsontext.Value) error {
	var it item
	if err := json.Unmarshal(raw, &it); err != nil {
		return err
	}
	if it.CallID == "" {
		return errors.New("call_id is missing: name the call that this answers")
	}
	parts, err := outputParts(it.Output)
	if err != nil {
		return err
	}
	c.join(llm.RoleTool, llm.ToolResult{CallID: it.CallID, Name: it.Name, Parts: parts, Custom: it.Type == "custom_tool_call_output"})
	return nil
}

// outputParts reads what a tool gave: a text, a list of parts, or, from clients
// that don't encode it, any JSON.
func outputParts(v jsontext.Value) ([]llm.Part, error) {
	switch v.Kind() {
	case 0, 'n', '"', '[':
		return contentParts(v)
	}
	return []llm.Part{llm.Text{Text: string(v)}}, nil
}

// contentParts reads a message's content: a text or a list of parts.
func contentParts(v jsontext.Value) ([]llm.Part, error) {
	switch v.Kind() {
	case 0, 'n':
		return nil, nil
	case '"':
		var s string
		if err := json.Unmarshal(v, &s, scan.Lenient); err != nil {
			return nil, err
		}
		if s == "" {
			return nil, nil
		}
		return []llm.Part{llm.Text{Text: s}}, nil
	case '[':
	default:
		return nil, errors.New("content is neither a text nor a list of parts")
	}
	var raws []jsontext.Value
	if err := json.Unmarshal(v, &raws, scan.Lenient); err != nil {
		return nil, err
	}
	var parts []llm.Part
	for i, raw := range raws {
		p, err := contentPartOf(raw)
		if err != nil {
			return nil, fmt.Errorf("content[%d]: %w", i, err)
		}
		parts = append(parts, p)
	}
	return parts, nil
}

func contentPartOf(raw jsontext.Value) (llm.Part, error) {
	var k kind
	if err := json.Unmarshal(raw, &k, scan.Lenient); err != nil {
		return nil, err
	}
	switch k.Type {
	case "input_text", "output_text", "text", "refusal", "input_image", "input_file", "input_audio":
	default:
		return llm.Opaque{Format: llm.FormatResponses, Type: k.Type, Raw: raw}, nil
	}
	var p contentPart
	if err := json.Unmarshal(raw, &p, scan.Lenient); err != nil {
		return nil, err
	}
	var mark *llm.CacheMark
	if p.Breakpoint.Kind() == '{' {
		mark = &llm.CacheMark{}
	}
	switch p.Type {
	case "refusal":
		return llm.Refusal{Text: p.Refusal}, nil
	case "input_image":
		m := llm.MediaAt(llm.MediaImage, addressOf(p.ImageURL))
		m.Detail, m.Cache = p.Detail, mark
		return withFile(m, p.FileID), nil
	case "input_file":
		m := llm.Media{Kind: llm.MediaDocument, URL: p.FileURL}
		if p.FileData != "" {
			m = llm.MediaAt(llm.MediaDocument, p.FileData)
			if m.Data == "" && !strings.Contains(p.FileData, ":") {
				m.MIME, m.Data, m.URL = "application/pdf", p.FileData, ""
			}
		}
		m.Name, m.Cache = p.Filename, mark
		return withFile(m, p.FileID), nil
	case "input_audio":
		if p.InputAudio == nil {
			return nil, errors.New("input_audio is missing")
		}
		return llm.Media{Kind: llm.MediaAudio, MIME: "audio/" + p.InputAudio.Format, Data: p.InputAudio.Data, Cache: mark}, nil
	}
	return llm.Text{Text: p.Text, Citations: citationsOf(p.Annotations), Logprobs: logprobsOf(p.Logprobs), Cache: mark}, nil
}

// addressOf reads an image's address: a text, or, from Chat's clients, an object
// around it.
func addressOf(v jsontext.Value) (url string) {
	switch v.Kind() {
	case '"':
		_ = json.Unmarshal(v, &url, scan.Lenient) // a string always fits
	case '{':
		var o struct {
			URL string `json:"url"`
		}
		if json.Unmarshal(v, &o, scan.Lenient) == nil {
			url = o.URL
		}
	}
	return url
}

// withFile names the vendor's file where the medium is neither there nor
// addressed.
func withFile(m llm.Media, id string) llm.Media {
	if id != "" && m.Data == "" && m.URL == "" {
		m.FileID, m.Format = id, llm.FormatResponses
	}
	return m
}
