package gemini

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// reader decodes one field into the request.
type reader func(*llm.Request, jsontext.Value) error

// into makes a reader that unmarshals the field to where at points; null is as
// if the field were absent.
func into[T any](at func(*llm.Request) *T) reader {
	return func(q *llm.Request, v jsontext.Value) error {
		if v.Kind() == 'n' {
			return nil
		}
		return unmarshal(v, at(q))
	}
}

var readers = map[string]reader{
	"contents":          readContents,
	"systemInstruction": readSystem,
	"tools":             readTools,
	"toolConfig":        readToolConfig,
	"generationConfig":  readConfig,
	"cachedContent":     into(func(q *llm.Request) *string { return &q.Cache.Content }),
	"serviceTier":       readTier,
	// The model stands in the path; a body that names it too says nothing new.
	"model": func(*llm.Request, jsontext.Value) error { return nil },
}

// Decode reads a request. What is streamed is decided by the path's action, and
// how by the query.
func (Format) Decode(r wire.RawRequest) (*llm.Request, error) {
	model, action, err := fromPath(r.Path)
	if err != nil {
		return nil, err
	}
	q := &llm.Request{Model: model, Stream: action == stream, StreamUsage: true}
	if err := readFields(q, r.Body, "", readers); err != nil {
		return nil, err
	}
	if len(q.Messages) == 0 || q.Messages[len(q.Messages)-1].Role == llm.RoleSystem {
		return nil, wire.BadRequest("contents", "contents is missing or empty: send at least one content with a part")
	}
	if q.Stream && r.Query.Get("alt") != "sse" {
		q.Extra = append(q.Extra, llm.Field{Format: llm.FormatGemini, Name: arrayField, Value: []byte(`"json"`)})
	}
	return q, nil
}

// readFields reads an object by a table. Fields that the table doesn't know are
// kept under their name, with within before it.
func readFields(q *llm.Request, body jsontext.Value, within string, table map[string]reader) error {
	var seen map[string]struct{}
	o := scan.NewObject(body)
	for o.Next() {
		f := o.Field()
		name := camel(string(f.Name))
		if _, twice := seen[name]; twice {
			return wire.BadRequest(within+name, "the field \""+within+name+"\" stands twice: send it once")
		}
		if seen == nil {
			seen = map[string]struct{}{}
		}
		seen[name] = struct{}{}
		read, known := table[name]
		if !known {
			if f.Kind != 'n' {
				q.Extra = append(q.Extra, llm.Field{Format: llm.FormatGemini, Name: within + string(f.Name), Value: bytes.Clone(f.Value)})
			}
			continue
		}
		if err := read(q, f.Value); err != nil {
			return wire.BadField(within+name, err)
		}
	}
	if err := o.Err(); err != nil {
		return wire.BadRequest(strings.TrimSuffix(within, "."), err.Error())
	}
	return nil
}

// readSystem puts the system text before the conversation. Google's servers take
// a bare string for a content as well.
func readSystem(q *llm.Request, v jsontext.Value) error {
	var c content
	switch v.Kind() {
	case 'n':
		return nil
	case '"':
		var s string
		if err := unmarshal(v, &s); err != nil {
			return err
		}
		q.Messages = append([]llm.Message{{Role: llm.RoleSystem, Parts: []llm.Part{llm.Text{Text: s}}}}, q.Messages...)
		return nil
	}
	if err := unmarshal(v, &c); err != nil {
		return err
	}
	m := llm.Message{Role: llm.RoleSystem}
	for _, raw := range c.Parts {
		parts, err := partsOf(raw, llm.Origin{})
		if err != nil {
			return err
		}
		m.Parts = append(m.Parts, parts...)
	}
	if len(m.Parts) > 0 {
		q.Messages = append([]llm.Message{m}, q.Messages...)
	}
	return nil
}

func readTier(q *llm.Request, v jsontext.Value) error {
	var s *string
	if err := unmarshal(v, &s); err != nil || s == nil {
		return err
	}
	q.ServiceTier = strings.ToLower(strings.TrimPrefix(*s, "SERVICE_TIER_"))
	return nil
}

// readContents reads the conversation.
func readContents(q *llm.Request, v jsontext.Value) error {
	if v.Kind() == 'n' {
		return nil
	}
	var list []content
	if err := unmarshal(v, &list); err != nil {
		return err
	}
	var t talk
	for i := range list {
		if err := t.add(i, &list[i]); err != nil {
			at := fmt.Sprintf("contents[%d]", i)
			return wire.BadRequest(at, at+": "+err.Error())
		}
	}
	q.Messages = append(q.Messages, t.messages...)
	return nil
}

// talk links results to the calls that they answer while contents are read.
type talk struct {
	messages []llm.Message
	open     []openCall
	model    bool // the last content was the model's
}

// madeID is the id of a call that has none: of the n-th call of the i-th content.
const madeID = "call_%d_%d"

var isMade = regexp.MustCompile(`^call_[0-9]+_[0-9]+$`)

type openCall struct {
	id, name string
	made     bool // the id is ours: the client sent none
}

func (t *talk) add(i int, c *content) error {
	model := c.Role == "model"
	switch c.Role {
	case "user", "model", "function", "":
	default:
		return fmt.Errorf("role %q is not one of user, model", c.Role)
	}
	if model && !t.model {
		t.open = nil // what an earlier step left open stays unanswered
	}
	t.model = model
	said := llm.Message{Role: llm.RoleUser}
	if model {
		said.Role = llm.RoleAssistant
	}
	results := llm.Message{Role: llm.RoleTool}
	calls := 0
	for _, raw := range c.Parts {
		parts, err := partsOf(raw, llm.Origin{})
		if err != nil {
			return err
		}
		for _, p := range parts {
			switch p := p.(type) {
			case llm.ToolCall:
				made := p.ID == ""
				if made {
					p.ID = fmt.Sprintf(madeID, i, calls)
				}
				calls++
				t.open = append(t.open, openCall{p.ID, p.Name, made})
				said.Parts = append(said.Parts, p)
			case llm.ToolResult:
				p.CallID = t.answered(p, i, len(results.Parts))
				results.Parts = append(results.Parts, p)
			default:
				said.Parts = append(said.Parts, p)
			}
		}
	}
	if len(results.Parts) > 0 {
		t.messages = append(t.messages, results)
	}
	if len(said.Parts) > 0 {
		t.messages = append(t.messages, said)
	}
	return nil
}

// answered finds the call that a result answers: the one with its id, else the
// oldest open one of its name.
func (t *talk) answered(r llm.ToolResult, i, n int) string {
	at := -1
	for j, c := range t.open {
		if r.CallID != "" && c.id == r.CallID {
			at = j
			break
		}
		if at < 0 && c.name == r.Name && (r.CallID == "" || c.made) {
			at = j
		}
	}
	if at >= 0 {
		id := t.open[at].id
		t.open = append(t.open[:at], t.open[at+1:]...)
		return id
	}
	if r.CallID != "" {
		return r.CallID
	}
	return fmt.Sprintf("result_%d_%d", i, n)
}
