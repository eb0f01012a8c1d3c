package responses

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// meter reads along while bytes pass. It decodes the first event, those of items
// and the last; of deltas it only measures the text.
type meter struct {
	t    wire.Target
	m    wire.Metered
	seen sight
	// calls holds the id of the call that stands at an output index, "" for
	// another item.
	calls map[int]string
	begun bool
	ahead int64 // text that was measured, of items that aren't done

	keep *decoder // nil unless the parts are kept
	c    llm.Collector
}

var _ wire.Keeper = (*meter)(nil)

// NewMeter watches one answer.
func (Format) NewMeter(t wire.Target) wire.Meter {
	return &meter{t: t, calls: map[int]string{}}
}

// Keep makes the meter keep the parts of the answer, which costs decoding every
// event.
func (m *meter) Keep() { m.keep = newDecoder(m.t) }

// Result is what was seen so far.
func (m *meter) Result() wire.Metered {
	out := m.m
	if m.keep != nil && out.Parts == nil {
		out.Parts = m.c.Answer().Choices[0].Parts
	}
	return out
}

// Event looks at one event of a stream.
func (m *meter) Event(name string, data []byte) wire.Verdict {
	typ := name
	if typ == "" || typ == "message" {
		typ = eventType(nil, data)
	}
	if m.keep != nil && !m.m.Complete && !m.c.Full() {
		_ = m.keep.take(typ, name, data) // an error is this meter's own to find
		for _, e := range m.keep.drain() {
			m.c.Add(e)
		}
	}
	if strings.HasSuffix(typ, ".delta") && !wire.Enclosed(data) {
		return wire.Verdict{Err: llm.Errorf(llm.KindUpstream, "the event %s can't be read", typ)}
	}
	switch typ {
	case "response.output_text.delta":
		n := m.measure(data)
		m.seen.text = m.seen.text || n > 0
		return wire.Verdict{Meaningful: n > 0}
	case "response.refusal.delta":
		n := m.measure(data)
		m.seen.refusal = m.seen.refusal || n > 0
		return wire.Verdict{Meaningful: n > 0}
	case "response.reasoning_summary_text.delta", "response.reasoning_text.delta":
		return wire.Verdict{Meaningful: m.measure(data) > 0}
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		more := m.measure(data) > 0
		return wire.Verdict{Meaningful: more, Call: more}
	case "response.created", "response.in_progress":
		m.head(data)
	case "response.output_item.added", "response.output_item.done":
		meaningful, call := m.item(data, strings.HasSuffix(typ, "done"))
		return wire.Verdict{Meaningful: meaningful, Call: call}
	case "response.completed", "response.incomplete", "response.failed", "response.cancelled":
		return m.end(data)
	case "error":
		return wire.Verdict{Err: errorEvent(data)}
	default:
		return wire.Verdict{Err: wire.Malformed(name, data)}
	}
	return wire.Verdict{}
}

var deltaName = []byte(`"delta"`)

// measure counts the bytes of a delta's text, as a string and not as JSON.
func (m *meter) measure(data []byte) int {
	for rest := data; ; {
		i := bytes.Index(rest, deltaName)
		if i < 0 {
			return 0
		}
		rest = rest[i+len(deltaName):]
		v := bytes.TrimLeft(rest, " \t\r\n")
		if len(v) == 0 || v[0] != ':' {
			continue // a value that reads "delta"
		}
		v = bytes.TrimLeft(v[1:], " \t\r\n")
		n := stringLen(v)
		m.m.OutputBytes += int64(n)
		m.ahead += int64(n)
		return n
	}
}

// stringLen is the length of the text of the JSON string that v begins with.
func stringLen(v []byte) int {
	if len(v) == 0 || v[0] != '"' {
		return 0
	}
	for i := 1; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case '"':
			text, err := scan.Unquote(v[:i+1])
			if err != nil {
				return 0
			}
			return len(text)
		}
	}
	return 0
}

func (m *meter) head(data []byte) {
	if m.begun {
		return
	}
	var ev struct {
		Response struct {
			ID    string `json:"id"`
			Model string `json:"model"`
		} `json:"response"`
	}
	if json.Unmarshal(data, &ev, scan.Lenient) == nil {
		m.begun = true
		m.m.ID, m.m.Model = ev.Response.ID, ev.Response.Model
	}
}

// item looks at an item. It is meaningful when it is a call or something that
// the vendor runs, and in any case when it is done.
func (m *meter) item(data []byte, done bool) (meaningful, call bool) {
	var ev struct {
		Index int            `json:"output_index"`
		Item  jsontext.Value `json:"item"`
	}
	var it item
	if json.Unmarshal(data, &ev, scan.Lenient) != nil {
		return done, false
	}
	if json.Unmarshal(ev.Item, &it, scan.Lenient) != nil {
		it = item{} // one of the vendor's own
	}
	_, seen := m.calls[ev.Index]
	if !seen && len(m.calls) >= maxItems {
		return done, false
	}
	if done {
		m.done(ev.Item)
	}
	if it.Type == "message" || it.Type == "reasoning" {
		m.calls[ev.Index] = ""
		return done, false
	}
	if it.Type != "function_call" && it.Type != "custom_tool_call" {
		m.calls[ev.Index] = ""
		return true, false
	}
	if !done && (it.Name == "" || it.CallID == "") {
		return false, false
	}
	if c, err := whole(callOf(&it, m.t)); err == nil && m.calls[ev.Index] != c.ID {
		m.calls[ev.Index] = c.ID
		m.called(c.ID)
	}
	return true, true
}

// end looks at the last event.
func (m *meter) end(data []byte) wire.Verdict {
	var ev struct {
		Response *response `json:"response"`
	}
	if err := json.Unmarshal(data, &ev, scan.Lenient); err != nil || ev.Response == nil {
		return wire.Verdict{Err: llm.Errorf(llm.KindUpstream, "the stream's last event can't be read")}
	}
	m.sum(ev.Response)
	if e := ev.Response.failure(); e != nil {
		return wire.Verdict{Err: e}
	}
	if len(m.calls) == 0 && m.m.OutputBytes == 0 {
		m.output(ev.Response) // a server that tells its items only at the end
	}
	m.m.Finish, m.m.Complete = ev.Response.finish(m.seen).Reason, true
	return wire.Verdict{Meaningful: true, Done: true}
}

// sum takes what the answer says of itself at its end.
func (m *meter) sum(r *response) {
	if !m.begun {
		m.begun = true
		m.m.ID, m.m.Model = r.ID, r.Model
	}
	if r.Usage != nil {
		m.m.Usage = r.usageOf(m.t)
	}
}

// Body looks at a whole answer.
func (m *meter) Body(body []byte) wire.Verdict {
	r, err := responseIn(body)
	if err != nil {
		return wire.Verdict{Err: llm.AsError(err)}
	}
	m.sum(r)
	if e := r.failure(); e != nil {
		return wire.Verdict{Err: e}
	}
	parts := m.output(r)
	if m.keep != nil {
		m.m.Parts = parts
	}
	m.m.Complete = true
	if r.Status == "completed" || r.Status == "incomplete" || r.Status == "" {
		m.m.Finish = r.finish(m.seen).Reason
	}
	return wire.Verdict{Meaningful: true, Done: true}
}

// output looks at the items of an answer that came in one piece.
func (m *meter) output(r *response) (parts []llm.Part) {
	for _, raw := range r.Output {
		more := m.done(raw)
		for _, p := range more {
			if c, ok := p.(llm.ToolCall); ok {
				m.called(c.ID)
			}
		}
		parts = append(parts, more...)
	}
	return parts
}

func (m *meter) called(id string) {
	m.seen.call = true
	if len(m.m.ToolCalls) < maxItems {
		m.m.ToolCalls = append(m.m.ToolCalls, id)
	}
}

// done looks at an item that is done, and counts what its deltas left out. One
// that can't be read is the client's to complain of.
func (m *meter) done(raw jsontext.Value) []llm.Part {
	parts, err := answerParts(raw, m.t)
	if err != nil {
		return nil
	}
	size := int64(0)
	for _, p := range parts {
		switch p := p.(type) {
		case llm.Text:
			m.seen.see(p)
			size += int64(len(p.Text))
		case llm.Refusal:
			m.seen.see(p)
			size += int64(len(p.Text))
		case llm.Reasoning:
			size += int64(len(p.Text))
		case llm.ToolCall:
			size += int64(len(p.Arguments))
		}
	}
	m.m.OutputBytes += max(0, size-m.ahead)
	m.ahead = max(0, m.ahead-size)
	return parts
}
