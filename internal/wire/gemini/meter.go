package gemini

import (
	"bytes"
	"slices"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// meter reads along a passing answer. Chunks with nothing but a piece of text in
// them are searched, not decoded; since each of them also tells the usage so far,
// the last one's is kept as bytes and read when it is asked for.
type meter struct {
	d     decoder
	m     wire.Metered
	keep  *llm.Collector
	usage []byte // the end of the last searched chunk, from its usage on
	frame frame
	// seen is what the events of the chunk at hand show.
	seen wire.Verdict
}

// NewMeter watches one answer's bytes.
func (Format) NewMeter(t wire.Target) wire.Meter {
	m := &meter{}
	m.d = decoder{t: t, emit: m.take}
	return m
}

var _ wire.Keeper = (*meter)(nil)

// Keep asks for the parts of the answer.
func (m *meter) Keep() {
	if m.keep == nil {
		m.keep = &llm.Collector{}
	}
}

func (m *meter) take(e llm.Event) bool {
	if llm.Meaningful(e) {
		m.seen.Call = llm.OfCall(e) && (m.seen.Call || !m.seen.Meaningful)
		m.seen.Meaningful = true
	}
	if m.keep != nil {
		m.keep.Add(e)
	}
	switch e := e.(type) {
	case llm.Start:
		m.m.ID, m.m.Model = e.ID, e.Model
	case llm.PartStart:
		if c, ok := e.Part.(llm.ToolCall); ok && len(m.m.ToolCalls) < maxCalls {
			m.m.ToolCalls = append(m.m.ToolCalls, c.ID)
		}
	case llm.TextDelta:
		m.m.OutputBytes += int64(len(e.Text))
	case llm.ReasoningDelta:
		m.m.OutputBytes += int64(len(e.Text))
	case llm.ArgumentsDelta:
		m.m.OutputBytes += int64(len(e.Arguments))
	case llm.UsageUpdate:
		m.m.Usage, m.usage, m.frame.before = e.Usage, m.usage[:0], m.frame.before[:0]
	}
	return true
}

// Event looks at one event of a stream.
func (m *meter) Event(_ string, data []byte) wire.Verdict {
	m.seen = wire.Verdict{}
	if m.keep == nil && m.d.started && (m.again(data) || m.search(data)) {
		return m.seen
	}
	if e := m.d.event(data); e != nil {
		m.seen.Err = e
		return m.seen
	}
	m.seen.Done = m.d.complete()
	m.seen.Meaningful = m.seen.Meaningful || m.seen.Done
	return m.seen
}

// maxCalls bounds how many calls of an answer are noted.
const maxCalls = 4096

// The names by which a chunk shows that it must be decoded. Quotes inside a text
// are escaped, so none of them can be found in one.
var decisive = [][]byte{
	[]byte(`"finishReason"`), []byte(`"functionCall"`), []byte(`"error"`), []byte(`"promptFeedback"`),
	[]byte(`"inlineData"`),
}

var (
	textName  = []byte(`"text"`)
	indexName = []byte(`"index"`)
	usageName = []byte(`"usageMetadata"`)
)

// search reads a chunk that holds a piece of text alone; false when it holds
// more.
func (m *meter) search(data []byte) bool {
	if !wire.Enclosed(data) {
		return false
	}
	for _, name := range decisive {
		if bytes.Contains(data, name) {
			return false
		}
	}
	if i := bytes.Index(data, indexName); i >= 0 && !zeroAfterColon(data[i+len(indexName):]) {
		return false // of another candidate, which is waited for from now on
	}
	said, texts := int64(0), 0
	var text, end int // where the last text stands
	for {
		i := bytes.Index(data[end:], textName)
		if i < 0 {
			break
		}
		i += end + len(textName)
		n, after := stringAfterColon(data[i:])
		text, end = i+bytes.IndexByte(data[i:i+after], '"')+1, i+after
		said += n
		texts++
	}
	if said == 0 {
		return false
	}
	m.m.OutputBytes += said
	m.seen.Meaningful = true
	m.frame.before = m.frame.before[:0]
	if i := bytes.LastIndex(data, usageName); i >= 0 {
		m.usage = append(append(m.usage[:0], '{'), data[i:]...)
		if texts == 1 && i >= end {
			m.frame.before = append(m.frame.before, data[:text]...)
			m.frame.after = append(m.frame.after[:0], data[end-1:i]...)
		}
	}
	return true
}

// frame is what stands around the text of a searched chunk, up to its usage. The
// chunks of an answer are alike but for their texts and counts, so most need no
// search, which costs several times as much.
type frame struct{ before, after []byte }

// again reads a chunk that is like the last searched one; false when it is not.
func (m *meter) again(data []byte) bool {
	if len(m.frame.before) == 0 || !bytes.HasPrefix(data, m.frame.before) {
		return false
	}
	text := data[len(m.frame.before):]
	n, end := restOfString(text)
	if n == 0 || !bytes.HasPrefix(text[end:], m.frame.after) {
		return false
	}
	usage := text[end+len(m.frame.after):]
	if !alikeButForDigits(usage, m.usage[1:]) {
		return false
	}
	m.m.OutputBytes += n
	m.seen.Meaningful = true
	m.usage = append(m.usage[:1], usage...)
	return true
}

// alikeButForDigits says whether two texts differ in their numbers alone.
func alikeButForDigits(a, b []byte) bool {
	for len(a) > 0 && len(b) > 0 {
		switch {
		case isDigit(a[0]) && isDigit(b[0]):
			a, b = afterDigits(a), afterDigits(b)
		case a[0] == b[0]:
			a, b = a[1:], b[1:]
		default:
			return false
		}
	}
	return len(a) == len(b)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func afterDigits(b []byte) []byte {
	for len(b) > 0 && isDigit(b[0]) {
		b = b[1:]
	}
	return b
}

// stringAfterColon measures the string value that b, the rest after a name,
// begins with: its length without escapes, and where it ends in b.
func stringAfterColon(b []byte) (n int64, end int) {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != ':' {
		return 0, i
	}
	i = skipSpace(b, i+1)
	if i >= len(b) || b[i] != '"' {
		return 0, i
	}
	n, end = restOfString(b[i+1:])
	return n, min(i+end+2, len(b))
}

// restOfString measures the string that b is inside of: its length without
// escapes, and where its closing quote stands in b.
func restOfString(b []byte) (n int64, end int) {
	i := 0
	for i < len(b) && b[i] != '"' {
		if b[i] != '\\' {
			plain := bytes.IndexAny(b[i:], `"\`)
			if plain < 0 {
				plain = len(b) - i
			}
			n += int64(plain)
			i += plain
			continue
		}
		size, taken := escaped(b[i:])
		n += size
		i += taken
	}
	return n, min(i, len(b))
}

// zeroAfterColon says whether the value that b begins with is 0.
func zeroAfterColon(b []byte) bool {
	i := skipSpace(b, 0)
	if i >= len(b) || b[i] != ':' {
		return false
	}
	i = skipSpace(b, i+1)
	return i+1 < len(b) && b[i] == '0' && !isDigit(b[i+1])
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// escaped says how many bytes an escape stands for, and how many it takes.
func escaped(b []byte) (size int64, taken int) {
	if len(b) < 6 || b[1] != 'u' {
		return 1, 2
	}
	switch high := b[2:4]; {
	case high[0] == '0' && high[1] == '0' && b[4] < '8':
		return 1, 6
	case high[0] == '0' && high[1] < '8':
		return 2, 6
	case (high[0] == 'd' || high[0] == 'D') && high[1] >= '8':
		return 2, 6 // half of a pair, which takes four
	}
	return 3, 6
}

// Body looks at a whole answer.
func (m *meter) Body(body []byte) wire.Verdict {
	m.seen = wire.Verdict{}
	if e := m.d.whole(body); e != nil {
		m.seen.Err = e
		return m.seen
	}
	m.seen = wire.Verdict{Done: true, Meaningful: true}
	return m.seen
}

// Result is what was seen so far.
func (m *meter) Result() wire.Metered {
	out := m.m
	out.ToolCalls = slices.Clone(m.m.ToolCalls)
	if len(m.usage) > 0 {
		var last answer
		if scan.Read(m.usage, &last, reading) == nil && !last.Usage.empty() {
			out.Usage = last.Usage.neutral()
		}
	}
	out.Complete = m.d.complete()
	for _, b := range m.d.choices {
		if b != nil && b.finish != nil {
			out.Finish = b.finish.Reason
			break
		}
	}
	if m.keep != nil {
		out.Parts = m.keep.Answer().Choices[0].Parts
	}
	return out
}
