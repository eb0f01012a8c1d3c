package chat

import (
	"bytes"
	"errors"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// NewMeter watches one answer's bytes.
func (Format) NewMeter(t wire.Target) wire.Meter { return &meter{t: t} }

// meter decodes the chunks that say something of the answer as a whole. That an
// ordinary chunk says nothing is seen by searching it: inside a JSON string the
// quotes of a field's name would be escaped, so a match is always a field.
type meter struct {
	t        wire.Target
	m        wire.Metered
	began    bool // something meaningful was seen
	refused  bool // and it was a refusal in words
	called   bool // a tool was called by its name
	done     bool
	finished int
	choices  int // the highest index seen in decoded chunks, plus one

	keep *decoder
	kept llm.Collector
}

var _ wire.Keeper = (*meter)(nil)

// Keep asks for the parts of the answer.
func (m *meter) Keep() {
	m.keep = &decoder{t: m.t, yield: func(e llm.Event, err error) bool {
		if err == nil {
			m.kept.Add(e)
		}
		return true
	}}
}

var (
	doneMark   = []byte("[DONE]")
	usageName  = []byte(`"usage"`)
	errorName  = []byte(`"error"`)
	finishName = []byte(`"finish_reason"`)
	callsName  = []byte(`_call`) // of "tool_calls" and "function_call"
	nameName   = []byte(`"name"`)
	deltaName  = []byte(`"delta"`)
	roleName   = []byte(`"role"`)
	reasonName = []byte(`finish_reason"`) // a vendor's own, too
)

// Event looks at one chunk.
func (m *meter) Event(_ string, data []byte) wire.Verdict {
	if bytes.Equal(data, doneMark) {
		m.done = true
		if m.finished == 0 && m.called {
			m.finish(&choice{}) // as the decoder settles it
			if m.keep != nil {
				m.keep.settle()
			}
		}
		return wire.Verdict{Done: true}
	}
	if len(data) == 0 {
		return wire.Verdict{}
	}
	m.m.OutputBytes += textBytes(data)
	if m.keep == nil && m.began && wire.Enclosed(data) && !telling(data) {
		return wire.Verdict{}
	}
	return m.decode(data)
}

// telling says whether a chunk must be decoded.
func telling(data []byte) bool {
	if said(data, usageName) || said(data, finishName) || said(data, errorName) {
		return true
	}
	i := bytes.Index(data, callsName)
	return i >= 0 && bytes.Contains(data[i:], nameName)
}

// said says whether a field stands in the text with a value that isn't null.
func said(data, name []byte) bool {
	for {
		i := bytes.Index(data, name)
		if i < 0 {
			return false
		}
		data = data[i+len(name):]
		for len(data) > 0 && (data[0] == ' ' || data[0] == ':') {
			data = data[1:]
		}
		if len(data) > 0 && data[0] != 'n' {
			return true
		}
	}
}

// textBytes counts the bytes of the strings in a chunk's delta: about what the
// model said.
func textBytes(data []byte) (n int64) {
	i := bytes.Index(data, deltaName)
	if i < 0 {
		return 0
	}
	data = data[i+len(deltaName):]
	for {
		i = bytes.Index(data, []byte(`:"`))
		if i < 0 {
			return n
		}
		unsaid := bytes.HasSuffix(data[:i], roleName) || bytes.HasSuffix(data[:i], reasonName)
		data = data[i+2:]
		end := 0
		for {
			j := bytes.IndexByte(data[end:], '"')
			if j < 0 {
				return n + int64(len(data))
			}
			end += j
			if !escaped(data[:end]) {
				break
			}
			end++
		}
		if !unsaid {
			n += int64(end)
		}
		data = data[end:]
	}
}

// escaped says whether what follows b stands behind a backslash.
func escaped(b []byte) bool {
	n := 0
	for len(b) > n && b[len(b)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

func (m *meter) decode(data []byte) wire.Verdict {
	var in answer
	if err := scan.Read(data, &in); err != nil {
		return wire.Verdict{Err: llm.Errorf(llm.KindUpstream, "a chunk of the stream can't be read: %w", err)}
	}
	if e := in.failure(); e != nil {
		return wire.Verdict{Err: e}
	}
	m.identify(&in)
	var v wire.Verdict
	var words, calls bool
	if u := in.anyUsage(); u != nil {
		m.m.Usage = u.neutral(m.t.ReasoningOnTop)
		m.m.Usage.ServiceTier = in.ServiceTier
		v.UsageOnly = len(in.Choices) == 0
	}
	for i := range in.Choices {
		c := &in.Choices[i]
		if e := errorIn(c.Error, 0); e != nil {
			return wire.Verdict{Err: e}
		}
		m.choices = max(m.choices, c.Index+1)
		if c.Delta != nil {
			said, called := m.delta(c.Delta)
			words, calls = words || said, calls || called
		}
		if c.FinishReason != "" {
			m.finish(c)
			words = true
		}
	}
	v.Meaningful, v.Call = words || calls, calls && !words
	m.began = m.began || v.Meaningful
	if m.keep != nil {
		if err := m.keep.chunk(data); err != nil {
			v.Err = llm.AsError(err)
		}
	}
	return v
}

func (m *meter) identify(in *answer) {
	if m.m.ID == "" {
		m.m.ID = in.ID
	}
	if m.m.Model == "" {
		m.m.Model = in.Model
	}
}

func (m *meter) finish(c *choice) {
	m.finished++
	if m.m.Finish == "" || c.Index == 0 {
		m.m.Finish = ended(finishOf(c.Index, c.FinishReason), m.called, m.refused).Reason
	}
}

// delta notes tool calls, and says whether the delta holds anything to see.
func (m *meter) delta(d *message) (words, calls bool) {
	words = d.Refusal != "" || len(d.Content) > 2 && d.Content.Kind() != 'n'
	m.refused = m.refused || d.Refusal != "" && !m.began
	if r := reasoningOf(d, m.t.Origin); r != nil {
		words = words || r.Text != "" || r.Blob.Kind == llm.BlobDetails
	}
	for _, c := range d.ToolCalls {
		if c.ID != "" && len(m.m.ToolCalls) < maxParts {
			m.m.ToolCalls = append(m.m.ToolCalls, c.ID)
		}
		m.called = m.called || c.Custom != nil && c.Custom.Name != "" || c.Function != nil && c.Function.Name != ""
		calls = calls || c.Custom != nil || c.Function != nil && (c.Function.Name != "" || len(c.Function.Arguments) > 2)
	}
	m.called = m.called || d.FunctionCall != nil && d.FunctionCall.Name != ""
	return words, calls || d.FunctionCall != nil
}

// Body looks at a whole answer.
func (m *meter) Body(body []byte) wire.Verdict {
	a, err := Format{}.DecodeAnswer(body, m.t)
	if err != nil {
		var e *llm.Error
		errors.As(err, &e)
		return wire.Verdict{Err: e}
	}
	first := a.Choices[0]
	m.m.ID, m.m.Model, m.m.Usage, m.m.Finish, m.m.Complete = a.ID, a.Model, a.Usage, first.Finish.Reason, true
	m.done = true
	for _, c := range a.Choices {
		for _, p := range c.Parts {
			m.m.OutputBytes += sizeOf(p)
			if call, ok := p.(llm.ToolCall); ok {
				m.m.ToolCalls = append(m.m.ToolCalls, call.ID)
			}
		}
	}
	if m.keep != nil {
		m.m.Parts = first.Parts
	}
	return wire.Verdict{Meaningful: true, Done: true}
}

func sizeOf(p llm.Part) int64 {
	switch p := p.(type) {
	case llm.Text:
		return int64(len(p.Text))
	case llm.Reasoning:
		return int64(len(p.Text))
	case llm.Refusal:
		return int64(len(p.Text))
	case llm.ToolCall:
		return int64(len(p.Arguments))
	}
	return 0
}

// Result is what was seen so far. Some servers leave out the terminator; an
// answer whose choices have all finished is whole all the same.
func (m *meter) Result() wire.Metered {
	out := m.m
	out.Complete = m.done && (m.finished > 0 || m.m.Complete) || m.finished > 0 && m.finished >= m.choices
	if m.keep != nil && out.Parts == nil {
		out.Parts = m.kept.Answer().Choices[0].Parts
	}
	return out
}
