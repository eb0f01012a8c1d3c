package messages

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/wire/scan"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// grammar reads a streamed answer as strictly as the vendor's own clients do
// and puts its blocks together. It shares nothing with the package's decoder.
type grammar struct {
	begun, ended, failed, stopped bool

	open   *grammarBlock
	blocks []*grammarBlock
	reason string
	usage  map[string]any
}

type grammarBlock struct {
	typ   string
	start map[string]any
	text  strings.Builder // text, thinking or input
	sign  string
	cited int
}

// readGrammar checks a whole stream.
func readGrammar(raw []byte) (*grammar, error) {
	g := &grammar{}
	in := sse.NewReader(bytes.NewReader(raw))
	defer in.Close()
	for n := 0; ; n++ {
		ev, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return g, err
		}
		if err := g.add(string(ev.Name), ev.Data); err != nil {
			return g, fmt.Errorf("event %d %s: %w", n, ev.Data, err)
		}
	}
	if !g.stopped && !g.failed {
		return g, errors.New("no message_stop and no error at the end")
	}
	return g, nil
}

func (g *grammar) add(name string, data []byte) error {
	var ev map[string]any
	if err := json.Unmarshal(data, &ev); err != nil {
		return err
	}
	typ, _ := ev["type"].(string)
	if typ != name {
		return fmt.Errorf("named %q", name)
	}
	if typ == "ping" {
		return nil
	}
	if g.stopped || g.failed {
		return errors.New("after the end")
	}
	if typ == "error" {
		g.failed = true
		e, _ := ev["error"].(map[string]any)
		if e["type"] == nil || e["message"] == nil {
			return errors.New("no type or no message")
		}
		return nil
	}
	if g.begun == (typ == "message_start") {
		return errors.New("message_start is not first, or not alone")
	}
	if g.ended != (typ == "message_stop") {
		return errors.New("message_delta and message_stop must be the last two")
	}
	switch typ {
	case "message_start":
		g.begun = true
		m, _ := ev["message"].(map[string]any)
		return wholeMessage(m, true)
	case "content_block_start":
		return g.start(ev)
	case "content_block_delta":
		return g.delta(ev)
	case "content_block_stop":
		return g.stop(ev)
	case "message_delta":
		return g.end(ev)
	case "message_stop":
		g.stopped = true
		return nil
	}
	return errors.New("unknown event")
}

func (g *grammar) at(ev map[string]any) error {
	i, ok := ev["index"].(float64)
	if !ok || int(i) != len(g.blocks)-1 || g.open == nil {
		return fmt.Errorf("not of the open block, which is %d", len(g.blocks)-1)
	}
	return nil
}

func (g *grammar) start(ev map[string]any) error {
	i, ok := ev["index"].(float64)
	if !ok || int(i) != len(g.blocks) {
		return fmt.Errorf("the next index is %d", len(g.blocks))
	}
	if g.open != nil {
		return errors.New("another block is open")
	}
	b, _ := ev["content_block"].(map[string]any)
	typ, _ := b["type"].(string)
	var want []string
	switch typ {
	case "text":
		want = []string{"text"}
	case "thinking":
		want = []string{"thinking", "signature"}
	case "redacted_thinking":
		want = []string{"data"}
	case "tool_use":
		want = []string{"id", "name", "input"}
	case "":
		return errors.New("a block without a type")
	}
	for _, key := range want {
		if b[key] == nil {
			return fmt.Errorf("the block has no %s", key)
		}
	}
	g.open = &grammarBlock{typ: typ, start: b}
	g.blocks = append(g.blocks, g.open)
	return nil
}

func (g *grammar) delta(ev map[string]any) error {
	if err := g.at(ev); err != nil {
		return err
	}
	d, _ := ev["delta"].(map[string]any)
	typ, _ := d["type"].(string)
	fits := map[string]string{
		"text_delta": "text", "citations_delta": "text", "thinking_delta": "thinking", "signature_delta": "thinking",
	}
	key := map[string]string{
		"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature", "input_json_delta": "partial_json",
	}[typ]
	if want, ok := fits[typ]; ok && want != g.open.typ || typ == "input_json_delta" && g.open.start["input"] == nil {
		return fmt.Errorf("a %s in a block of type %s", typ, g.open.typ)
	}
	switch typ {
	case "citations_delta":
		g.open.cited++
		return nil
	case "":
		return errors.New("a delta without a type")
	}
	s, ok := d[key].(string)
	if !ok {
		return fmt.Errorf("no %s", key)
	}
	if typ == "signature_delta" {
		g.open.sign += s
		return nil
	}
	g.open.text.WriteString(s)
	return nil
}

func (g *grammar) stop(ev map[string]any) error {
	if err := g.at(ev); err != nil {
		return err
	}
	b := g.open
	g.open = nil
	switch {
	case b.typ == "text" && b.text.Len() == 0 && b.cited == 0:
		return errors.New("an empty text")
	case b.typ == "tool_use" && b.text.Len() > 0 && !jsontext.Value(b.text.String()).IsValid():
		return fmt.Errorf("the input %q is not JSON", b.text.String())
	}
	return nil
}

func (g *grammar) end(ev map[string]any) error {
	if g.open != nil {
		return errors.New("a block is still open")
	}
	g.ended = true
	d, _ := ev["delta"].(map[string]any)
	if err := has(d, "stop_reason", "stop_sequence"); err != nil {
		return err
	}
	g.reason, _ = d["stop_reason"].(string)
	if _, ok := finishes[g.reason]; !ok {
		return fmt.Errorf("the stop reason is %v", d["stop_reason"])
	}
	g.usage, _ = ev["usage"].(map[string]any)
	return has(g.usage, "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
}

func has(m map[string]any, keys ...string) error {
	for _, key := range keys {
		if _, ok := m[key]; !ok {
			return fmt.Errorf("no %s", key)
		}
	}
	return nil
}

// wholeMessage checks that a message has every key that typed clients read.
func wholeMessage(m map[string]any, start bool) error {
	if err := has(m, "id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"); err != nil {
		return err
	}
	if m["type"] != "message" || m["role"] != "assistant" {
		return errors.New("not an assistant's message")
	}
	if _, ok := m["content"].([]any); !ok {
		return errors.New("content is no list")
	}
	if (m["stop_reason"] == nil) != start {
		return fmt.Errorf("the stop reason is %v", m["stop_reason"])
	}
	u, _ := m["usage"].(map[string]any)
	return has(u, "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
}

// checkRequest checks what the API refuses in a request: turns that don't
// alternate, calls without a result at the head of the next turn, empty text,
// an output cap below the thinking budget, too many cache marks.
func checkRequest(body []byte) error {
	var q map[string]any
	if err := json.Unmarshal(body, &q, scan.Lenient, lastWins); err != nil {
		return err
	}
	if err := has(q, "model", "max_tokens", "messages"); err != nil {
		return err
	}
	if th, ok := q["thinking"].(map[string]any); ok && th["type"] == "enabled" && th["budget_tokens"] != nil {
		most, _ := q["max_tokens"].(float64)
		if b, ok := th["budget_tokens"].(float64); !ok || b >= most {
			return fmt.Errorf("the budget %v is not below max_tokens %v", th["budget_tokens"], q["max_tokens"])
		}
	}
	if n := strings.Count(string(body), `"cache_control":{"type":"ephemeral"`); n > 4 {
		return fmt.Errorf("%d cache marks", n)
	}
	messages, _ := q["messages"].([]any)
	return checkTurns(messages)
}

func checkTurns(messages []any) error {
	if len(messages) == 0 {
		return errors.New("no messages")
	}
	seen := map[string]bool{}
	var owed []string
	before := ""
	for i, x := range messages {
		m, _ := x.(map[string]any)
		role, _ := m["role"].(string)
		content, _ := m["content"].([]any)
		switch {
		case len(content) == 0:
			return fmt.Errorf("message %d is empty", i)
		case i == 0 && role != "user":
			return errors.New("the first message is not the user's")
		case role == before || role == "system" && before != "user":
			return fmt.Errorf("message %d: %s after %s", i, role, before)
		}
		if role != "system" {
			before = role
		}
		var answered, calls []string
		leading := true
		for _, y := range content {
			b, _ := y.(map[string]any)
			switch b["type"] {
			case "text":
				if s, _ := b["text"].(string); strings.TrimSpace(s) == "" {
					return fmt.Errorf("message %d: blank text", i)
				}
				leading = false
			case "tool_result":
				id, _ := b["tool_use_id"].(string)
				if !leading {
					return fmt.Errorf("message %d: the result %s is not at the head", i, id)
				}
				answered = append(answered, id)
			case "tool_use":
				id, _ := b["id"].(string)
				if _, ok := b["input"].(map[string]any); !ok || seen[id] {
					return fmt.Errorf("message %d: the call %s stands twice or has no input", i, id)
				}
				seen[id] = true
				calls = append(calls, id)
			default:
				leading = false
			}
		}
		if strings.Join(answered, " ") != strings.Join(owed, " ") {
			return fmt.Errorf("message %d: results %v for calls %v", i, answered, owed)
		}
		if owed = calls; role == "user" && len(calls) > 0 {
			return fmt.Errorf("message %d: the user calls tools", i)
		}
	}
	if len(owed) > 0 {
		return fmt.Errorf("no results for %v", owed)
	}
	return nil
}

// lastWins takes the last of several members of one name, as most readers do;
// by itself the decoder would merge them, and refuse those of different kinds.
var lastWins = json.WithUnmarshalers(json.UnmarshalFromFunc(func(_ *jsontext.Decoder, v *any) error {
	*v = nil
	return errors.ErrUnsupported
}))
