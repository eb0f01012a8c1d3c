package dispatch

import (
	"bytes"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// The sizes of the beginning of a forwarded stream at which it is looked into,
// in bytes: soon for most, and at last far enough for a format that repeats the
// request in its first event.
const (
	firstLook = 2 << 10
	maxHead   = 32 << 10
)

// opening gathers how a streamed answer begins, and no more of it: what has
// been gathered is let go as soon as enough is known.
type opening struct {
	want  int // bytes of text; 0: nothing is wanted
	parts []llm.Part
	known bool

	// A forwarded stream is kept as it came, and decoded now and then.
	head   []byte
	look   int
	decode func(head []byte) []llm.Part

	// A translated one comes decoded.
	events llm.Collector
	text   int
}

func newOpening(want int, f wire.Client, t wire.Target) *opening {
	return &opening{want: want, look: firstLook, decode: func(head []byte) []llm.Part {
		answer, _ := llm.Collect(f.DecodeStream(bytes.NewReader(head), t)) // cut on purpose: the error says only that
		return answer.Choices[0].Parts
	}}
}

func (o *opening) wants() bool { return o.want > 0 && !o.known }

// raw adds an event of a forwarded stream.
func (o *opening) raw(event []byte) {
	if !o.wants() {
		return
	}
	o.head = append(o.head, event...)
	if len(o.head) < o.look {
		return
	}
	o.parts = o.decode(o.head)
	o.look = 2 * len(o.head)
	if textOf(o.parts) >= o.want || o.look > maxHead {
		o.known, o.head = true, nil
	}
}

// event adds an event of a translated stream.
func (o *opening) event(e llm.Event) {
	if !o.wants() {
		return
	}
	switch e.(type) {
	case llm.ReasoningDelta, llm.ArgumentsDelta:
		return // there may be much of it before the first text
	}
	o.events.Add(e)
	if d, ok := e.(llm.TextDelta); ok {
		if o.text == 0 {
			d.Text = strings.TrimLeft(d.Text, " \t\r\n")
		}
		if o.text += len(d.Text); o.text >= o.want {
			o.parts, o.known, o.events = o.events.Answer().Choices[0].Parts, true, llm.Collector{}
		}
	}
}

// result returns the first parts of an answer that is over.
func (o *opening) result() []llm.Part {
	switch {
	case !o.wants():
	case len(o.head) > 0:
		o.parts = o.decode(o.head)
	default:
		o.parts = o.events.Answer().Choices[0].Parts
	}
	return o.parts
}

// textOf is the length of the visible text, space at its beginning left out.
func textOf(parts []llm.Part) (n int) {
	for _, p := range parts {
		if t, ok := p.(llm.Text); ok {
			if n == 0 {
				t.Text = strings.TrimLeft(t.Text, " \t\r\n")
			}
			n += len(t.Text)
		}
	}
	return n
}
