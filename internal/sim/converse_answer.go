package sim

import "github.com/go-json-experiment/json/jsontext"

const converseCallPrefix = "tooluse_"

// converseUsage is the usage of the API: its input is what the cache had no part
// in.
type converseUsage struct {
	Input      int `json:"inputTokens"`
	Output     int `json:"outputTokens"`
	Total      int `json:"totalTokens"`
	CacheRead  int `json:"cacheReadInputTokens"`
	CacheWrite int `json:"cacheWriteInputTokens"`
}

type converseMetrics struct {
	Latency int `json:"latencyMs"`
}

func (converseFormat) usage(a *answer) *converseUsage {
	n := a.usage
	if n == nil {
		return nil
	}
	return &converseUsage{
		Input: n.input - n.cached - n.written, Output: n.output, Total: n.input + n.output, CacheRead: n.cached, CacheWrite: n.written,
	}
}

// converseBlock is a block of an answer: one of its members is set.
type converseBlock struct {
	Text      *string `json:"text,omitzero"`
	Reasoning *struct {
		Text converseThought `json:"reasoningText"`
	} `json:"reasoningContent,omitzero"`
	ToolUse *converseCall `json:"toolUse,omitzero"`
}

type converseThought struct {
	Text      string `json:"text"`
	Signature string `json:"signature,omitzero"`
}

type converseCall struct {
	ID    string         `json:"toolUseId"`
	Name  string         `json:"name"`
	Input jsontext.Value `json:"input,omitzero"`
}

func (converseFormat) blocks(x *exchange, a *answer) []converseBlock {
	t := a.turns[0]
	blocks := []converseBlock{}
	if t.reasoning != "" {
		var b converseBlock
		b.Reasoning = &struct {
			Text converseThought `json:"reasoningText"`
		}{converseThought{Text: t.reasoning}}
		if a.prompt.mute {
			b.Reasoning.Text.Text = ""
		}
		if bedrockClaude.MatchString(x.script.base) {
			b.Reasoning.Text.Signature = t.seal
		}
		blocks = append(blocks, b)
	}
	if text := t.text + t.refusal; text != "" {
		blocks = append(blocks, converseBlock{Text: &text})
	}
	for _, c := range t.calls {
		blocks = append(blocks, converseBlock{ToolUse: &converseCall{converseCallPrefix + c.id, c.name, jsontext.Value(c.input)}})
	}
	return blocks
}

// converseStops are the reasons for which an answer ends.
var converseStops = map[ending]string{
	endDone: "end_turn", endStopped: "stop_sequence", endLimit: "max_tokens", endCalls: "tool_use", endRefused: "content_filtered",
}

func (c converseFormat) whole(x *exchange, a *answer) []byte {
	var body struct {
		Output struct {
			Message struct {
				Role    string          `json:"role"`
				Content []converseBlock `json:"content"`
			} `json:"message"`
		} `json:"output"`
		Stop    string          `json:"stopReason"`
		Usage   *converseUsage  `json:"usage,omitzero"`
		Metrics converseMetrics `json:"metrics"`
	}
	body.Output.Message.Role, body.Output.Message.Content = "assistant", c.blocks(x, a)
	body.Stop, body.Usage, body.Metrics.Latency = converseStops[a.turns[0].end], c.usage(a), 40
	return encode(body)
}

// event is one frame of a stream.
func (converseFormat) event(name string, v any) []byte {
	return packed([][2]string{{":event-type", name}, {":content-type", "application/json"}, {":message-type", "event"}}, encode(v))
}

// converseDelta is a piece of a block.
type converseDelta struct {
	Text    *string `json:"text,omitzero"`
	ToolUse *struct {
		Input string `json:"input"`
	} `json:"toolUse,omitzero"`
	Reasoning *struct {
		Text      *string `json:"text,omitzero"`
		Signature *string `json:"signature,omitzero"`
	} `json:"reasoningContent,omitzero"`
}

func (c converseFormat) delta(i int, d converseDelta) []byte {
	return c.event("contentBlockDelta", struct {
		Index int           `json:"contentBlockIndex"`
		Delta converseDelta `json:"delta"`
		Pad   string        `json:"p"` // real ones bear letters here that hide how long a word is
	}{i, d, "abcdefgh"})
}

func (c converseFormat) stream(x *exchange, a *answer) {
	out := x.open("application/vnd.amazon.eventstream")
	out.frame(c.event("messageStart", map[string]string{"role": "assistant", "p": "abcd"}))
	for i, b := range c.blocks(x, a) {
		c.streamBlock(out, i, b, a.prompt.script.size)
	}
	out.finish()
	out.frame(c.event("messageStop", map[string]string{"stopReason": converseStops[a.turns[0].end], "p": "ab"}))
	out.frame(c.event("metadata", struct {
		Usage   *converseUsage  `json:"usage,omitzero"`
		Metrics converseMetrics `json:"metrics"`
	}{c.usage(a), converseMetrics{40}}))
}

// streamBlock writes a block. Only a call tells its start, and one without
// arguments nothing but an empty piece of them.
func (c converseFormat) streamBlock(out *outlet, i int, b converseBlock, size int) {
	var content string
	var piece func(s string) converseDelta
	switch {
	case b.ToolUse != nil:
		if content = string(b.ToolUse.Input); content == "{}" {
			content = ""
		}
		open := *b.ToolUse
		open.Input = nil
		out.frame(c.event("contentBlockStart", map[string]any{"contentBlockIndex": i, "start": map[string]any{"toolUse": open}}))
		piece = func(s string) (d converseDelta) {
			d.ToolUse = &struct {
				Input string `json:"input"`
			}{s}
			return d
		}
		out.frame(c.delta(i, piece("")))
	case b.Reasoning != nil:
		content = b.Reasoning.Text.Text
		piece = func(s string) converseDelta { return thoughtDelta(&s, nil) }
	default:
		content = *b.Text
		piece = func(s string) converseDelta { return converseDelta{Text: &s} }
	}
	for s := range cut(content, size) {
		if out.over {
			return
		}
		out.piece(c.delta(i, piece(s)))
	}
	if b.Reasoning != nil && b.Reasoning.Text.Signature != "" {
		out.frame(c.delta(i, thoughtDelta(nil, &b.Reasoning.Text.Signature)))
	}
	out.frame(c.event("contentBlockStop", map[string]any{"contentBlockIndex": i}))
}

func thoughtDelta(text, signature *string) (d converseDelta) {
	d.Reasoning = &struct {
		Text      *string `json:"text,omitzero"`
		Signature *string `json:"signature,omitzero"`
	}{text, signature}
	return d
}
