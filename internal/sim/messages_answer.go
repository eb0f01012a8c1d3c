package sim

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const messagesCallPrefix = "toolu_01"

// messagesUsage is the usage of the Messages API: its input is what the cache
// had no part in.
type messagesUsage struct {
	Input         int  `json:"input_tokens"`
	CacheCreation int  `json:"cache_creation_input_tokens"`
	CacheRead     int  `json:"cache_read_input_tokens"`
	Creation      *ttl `json:"cache_creation,omitzero"`
	Output        int  `json:"output_tokens"`

	OutputDetails *struct {
		Thinking int `json:"thinking_tokens"`
	} `json:"output_tokens_details,omitzero"`
	ServiceTier string `json:"service_tier,omitzero"`
}

type ttl struct {
	Short int `json:"ephemeral_5m_input_tokens"`
	Long  int `json:"ephemeral_1h_input_tokens"`
}

func (messagesFormat) usage(a *answer) *messagesUsage {
	n := a.usage
	if n == nil {
		return nil
	}
	u := &messagesUsage{
		Input: n.input - n.cached - n.written, CacheCreation: n.written, CacheRead: n.cached,
		Creation: &ttl{Short: n.written}, Output: n.output, ServiceTier: "standard",
	}
	if n.reasoning > 0 {
		u.OutputDetails = &struct {
			Thinking int `json:"thinking_tokens"`
		}{n.reasoning}
	}
	return u
}

// messagesBlock is a block of an answer; only what belongs to its type is set.
type messagesBlock struct {
	Type      string         `json:"type"`
	Text      *string        `json:"text,omitzero"`
	Thinking  *string        `json:"thinking,omitzero"`
	Signature *string        `json:"signature,omitzero"`
	ID        string         `json:"id,omitzero"`
	Name      string         `json:"name,omitzero"`
	Input     jsontext.Value `json:"input,omitzero"`
}

type messagesBody struct {
	ID           string          `json:"id"`
	Type         string          `json:"type"`
	Role         string          `json:"role"`
	Model        string          `json:"model"`
	Content      []messagesBlock `json:"content"`
	StopReason   *string         `json:"stop_reason"`
	StopSequence *string         `json:"stop_sequence"`
	StopDetails  *stopDetails    `json:"stop_details,omitzero"`
	Container    *string         `json:"container"`
	Usage        *messagesUsage  `json:"usage,omitzero"`
}

type stopDetails struct {
	Type     string `json:"type"`
	Category string `json:"category"`
}

func (messagesFormat) blocks(a *answer) []messagesBlock {
	t := a.turns[0]
	blocks := []messagesBlock{}
	if t.reasoning != "" {
		shown := t.reasoning
		if a.prompt.mute {
			shown = ""
		}
		blocks = append(blocks, messagesBlock{Type: "thinking", Thinking: &shown, Signature: &t.seal})
	}
	if t.text != "" {
		blocks = append(blocks, messagesBlock{Type: "text", Text: &t.text})
	}
	for _, c := range t.calls {
		blocks = append(blocks, messagesBlock{Type: "tool_use", ID: messagesCallPrefix + c.id, Name: c.name, Input: jsontext.Value(c.input)})
	}
	return blocks
}

func messagesStop(t turn) (reason string, sequence *string, details *stopDetails) {
	switch t.end {
	case endStopped:
		return "stop_sequence", &t.stop, nil
	case endLimit:
		return "max_tokens", nil, nil
	case endCalls:
		return "tool_use", nil, nil
	case endRefused:
		return "refusal", nil, &stopDetails{"refusal", "cyber"}
	}
	return "end_turn", nil, nil
}

func (m messagesFormat) body(a *answer) messagesBody {
	return messagesBody{ID: "msg_01" + a.id, Type: "message", Role: "assistant", Model: a.prompt.model, Content: []messagesBlock{}, Usage: m.usage(a)}
}

func (m messagesFormat) whole(_ *exchange, a *answer) []byte {
	body := m.body(a)
	reason, sequence, details := messagesStop(a.turns[0])
	body.Content, body.StopReason, body.StopSequence, body.StopDetails = m.blocks(a), &reason, sequence, details
	return encode(body)
}

func (m messagesFormat) stream(x *exchange, a *answer) {
	out := x.open("text/event-stream; charset=utf-8")
	start := m.body(a)
	if start.Usage != nil {
		start.Usage.Output, start.Usage.OutputDetails = 1, nil
	}
	out.frame(named("message_start", "message", encode(start)))
	blocks := m.blocks(a)
	for i, b := range blocks {
		m.streamBlock(out, i, b, a.prompt.script.size)
	}
	if len(blocks) == 0 {
		out.frame(messagesPing)
	}
	out.finish()
	reason, sequence, details := messagesStop(a.turns[0])
	end := struct {
		Type  string `json:"type"`
		Delta struct {
			StopReason   string       `json:"stop_reason"`
			StopSequence *string      `json:"stop_sequence"`
			StopDetails  *stopDetails `json:"stop_details,omitzero"`
		} `json:"delta"`
		Usage *messagesUsage `json:"usage,omitzero"`
	}{Type: "message_delta", Usage: m.usage(a)}
	end.Delta.StopReason, end.Delta.StopSequence, end.Delta.StopDetails = reason, sequence, details
	if end.Usage != nil {
		end.Usage.Creation, end.Usage.ServiceTier = nil, ""
	}
	out.frame(m.frame(encode(end)))
	out.frame([]byte("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"))
}

var messagesPing = []byte("event: ping\ndata: {\"type\": \"ping\"}\n\n")

// streamBlock writes a block: opened, filled, closed.
func (messagesFormat) streamBlock(out *outlet, i int, b messagesBlock, size int) {
	empty := ""
	open := b
	var content, kind, field string
	switch b.Type {
	case "text":
		open.Text, content, kind, field = &empty, *b.Text, "text_delta", "text"
	case "thinking":
		open.Thinking, open.Signature, content, kind, field = &empty, &empty, *b.Thinking, "thinking_delta", "thinking"
	default:
		open.Input, content, kind, field = jsontext.Value("{}"), string(b.Input), "input_json_delta", "partial_json"
		if content == "{}" {
			content = ""
		}
	}
	out.frame(fmt.Appendf(nil, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":%d,\"content_block\":%s}\n\n", i, encode(open)))
	if i == 0 {
		out.frame(messagesPing)
	}
	head := fmt.Appendf(nil, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{\"type\":%q,%q:", i, kind, field)
	if b.Type == "tool_use" {
		out.frame(append(bytes.Clone(head), "\"\"}}\n\n"...))
	}
	var buf []byte
	for piece := range cut(content, size) {
		if out.over {
			return
		}
		buf = quote(append(buf[:0], head...), piece)
		buf = append(buf, "}}\n\n"...)
		out.piece(buf)
	}
	if b.Signature != nil {
		out.frame(fmt.Appendf(nil, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":%d,\"delta\":{\"type\":\"signature_delta\",\"signature\":%s}}\n\n", i, encode(*b.Signature)))
	}
	out.frame(fmt.Appendf(nil, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":%d}\n\n", i))
}

// named frames an event with one member beside its type.
func named(event, member string, value []byte) []byte {
	return fmt.Appendf(nil, "event: %s\ndata: {\"type\":%q,%q:%s}\n\n", event, event, member, value)
}

// frame takes the name of an event from its type.
func (messagesFormat) frame(event []byte) []byte { return typedFrame(event) }

// typedFrame frames an event that carries its own name.
func typedFrame(event []byte) []byte {
	var head struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(event, &head) != nil {
		head.Type = "message"
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", head.Type, event)
}

func (messagesFormat) tail() []byte { return nil }

func (messagesFormat) idle() []byte { return messagesPing }

func (messagesFormat) lists() bool { return false }
