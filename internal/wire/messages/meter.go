package messages

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// meter watches the bytes of one answer. Deltas, which are nearly all of a
// stream, are only measured.
type meter struct {
	m      wire.Metered
	t      wire.Target
	usage  usage
	finish llm.Finish
	answer bool

	keep  bool
	whole decoder // what Keep asks for: every event decoded
	parts llm.Collector
}

// NewMeter watches one answer's bytes.
func (Format) NewMeter(t wire.Target) wire.Meter {
	return &meter{t: t, whole: decoder{t: t}}
}

// Keep asks for the parts of the answer.
func (m *meter) Keep() { m.keep = true }

// Event looks at one event of a stream.
func (m *meter) Event(name string, data []byte) wire.Verdict {
	if m.m.Complete {
		return wire.Verdict{}
	}
	if m.keep {
		if text, part, ok := m.whole.words(data); ok {
			m.parts.AddText(part, text)
			m.m.OutputBytes += int64(len(text))
			return wire.Verdict{Meaningful: true}
		}
		events, err := m.whole.feed(name, data)
		for _, e := range events {
			m.parts.Add(e)
		}
		if err != nil {
			return wire.Verdict{Err: llm.AsError(err)}
		}
	}
	if name == "content_block_delta" || name == "" && bytes.Contains(data[:min(len(data), 64)], []byte(`"content_block_delta"`)) {
		if v, ok := m.delta(data); ok {
			return v
		}
	}
	if name == "content_block_stop" || name == "ping" {
		return wire.Verdict{}
	}
	return m.rare(name, data)
}

// deltas are the deltas that carry text, each under a key of its own. A quote
// inside a JSON string is escaped, so these can only be found where they stand
// for themselves.
var deltas = []struct {
	typ, key []byte
	call     bool
}{
	{[]byte(`"text_delta"`), []byte(`"text":`), false},
	{[]byte(`"thinking_delta"`), []byte(`"thinking":`), false},
	{[]byte(`"input_json_delta"`), []byte(`"partial_json":`), true},
}

// delta measures a delta; ok is false when it has to be decoded after all.
func (m *meter) delta(data []byte) (v wire.Verdict, ok bool) {
	for _, d := range deltas {
		if !bytes.Contains(data, d.typ) {
			continue
		}
		_, after, found := bytes.Cut(data, d.key)
		if !found {
			return v, false
		}
		n, ok := stringLength(bytes.TrimLeft(after, " \t"))
		if ok = ok && wire.Enclosed(data); !ok {
			return v, false
		}
		m.m.OutputBytes += int64(n)
		return wire.Verdict{Meaningful: n > 0, Call: n > 0 && d.call && !m.answer}, true
	}
	return v, false
}

// stringLength is how many bytes the JSON string at the start of b stands for.
func stringLength(b []byte) (n int, ok bool) {
	if len(b) == 0 || b[0] != '"' {
		return 0, false
	}
	b = b[1:]
	for {
		i := bytes.IndexAny(b, `"\`)
		if i < 0 {
			return 0, false
		}
		n += i
		if b[i] == '"' {
			return n, true
		}
		b = b[i:]
		switch {
		case len(b) < 2:
			return 0, false
		case b[1] != 'u':
			n++
			b = b[2:]
		default:
			size := 6
			if len(b) >= 12 && (b[2] == 'd' || b[2] == 'D') && b[6] == '\\' {
				size = 12 // a pair of escapes for one character
			}
			r, err := jsontext.AppendUnquote(nil, append(append([]byte{'"'}, b[:min(size, len(b))]...), '"'))
			if err != nil {
				r = []byte(string(utf8.RuneError))
			}
			n += len(r)
			b = b[min(size, len(b)):]
		}
	}
}

// rare decodes the events that are not deltas of text.
func (m *meter) rare(name string, data []byte) wire.Verdict {
	var ev event
	if err := scan.Read(data, &ev); err != nil {
		if err := unreadable(name, data, err); err != nil {
			return wire.Verdict{Err: llm.AsError(err)}
		}
		return wire.Verdict{}
	}
	switch ev.Type {
	case "message_start":
		if h := ev.Message; h != nil {
			m.m.ID, m.m.Model = h.ID, h.Model
			m.count(h.Usage)
		}
	case "content_block_start":
		meaningful, call := m.start(ev.ContentBlock)
		return wire.Verdict{Meaningful: meaningful, Call: call}
	case "content_block_delta":
		if x := ev.Delta; x != nil {
			n := len(x.Text) + len(x.Thinking) + len(x.PartialJSON)
			m.m.OutputBytes += int64(n)
			return wire.Verdict{Meaningful: n > 0 || x.Signature != "" || len(x.Citation) > 0, Call: n > 0 && n == len(x.PartialJSON) && !m.answer}
		}
	case "message_delta":
		m.count(ev.Usage)
		if x := ev.Delta; x != nil && x.StopReason != "" {
			m.finish = finishOf(x.StopReason, x.StopSequence, x.StopDetails)
			m.m.Finish = answered(m.finish, m.answer, len(m.m.ToolCalls)).Reason
			return wire.Verdict{Meaningful: true}
		}
	case "message_stop":
		m.m.Complete = m.m.Finish != ""
		return wire.Verdict{Done: m.m.Complete}
	case "error":
		return wire.Verdict{Err: errorInside(data)}
	case "content_block_stop", "ping":
	default:
		if k := ev.Error.Kind(); k == '{' || k == '"' {
			return wire.Verdict{Err: errorInside(data)}
		}
	}
	return wire.Verdict{}
}

func (m *meter) count(u *usage) {
	if u != nil {
		m.usage.merge(u)
		m.m.Usage = m.usage.neutral(m.t)
	}
}

// start notes a block and says whether it means that the model answers.
func (m *meter) start(raw jsontext.Value) (meaningful, call bool) {
	p, as, err := answerPart(raw, m.t)
	if err != nil || as == asNothing {
		return false, false
	}
	switch p := p.(type) {
	case llm.ToolCall:
		if p.ID != "" && len(m.m.ToolCalls) < maxOpen {
			m.m.ToolCalls = append(m.m.ToolCalls, p.ID)
		}
		return true, true
	case llm.Text:
		if as == asAnswer {
			m.answer = true
			return true, false
		}
		m.m.OutputBytes += int64(len(p.Text))
		return p.Text != "", false
	case llm.Reasoning:
		m.m.OutputBytes += int64(len(p.Text))
		return p.Text != "" || p.Blob != nil, false
	}
	return true, false
}

// Body looks at a whole answer.
func (m *meter) Body(body []byte) wire.Verdict {
	a, err := Format{}.DecodeAnswer(body, m.t)
	if err != nil {
		return wire.Verdict{Err: llm.AsError(err)}
	}
	c := a.Choices[0]
	m.m = wire.Metered{ID: a.ID, Model: a.Model, Usage: a.Usage, Finish: c.Finish.Reason, Complete: true}
	for _, p := range c.Parts {
		switch p := p.(type) {
		case llm.ToolCall:
			m.m.ToolCalls = append(m.m.ToolCalls, p.ID)
			m.m.OutputBytes += int64(len(p.Arguments))
		case llm.Text:
			m.m.OutputBytes += int64(len(p.Text))
		case llm.Reasoning:
			m.m.OutputBytes += int64(len(p.Text))
		}
	}
	if m.keep {
		m.m.Parts = c.Parts
	}
	return wire.Verdict{Meaningful: true, Done: true}
}

// Result is what was seen so far.
func (m *meter) Result() wire.Metered {
	out := m.m
	if m.keep && out.Parts == nil {
		out.Parts = m.parts.Answer().Choices[0].Parts
	}
	return out
}
