package llm

import (
	"iter"
	"time"
)

// Event is one step of a streamed answer. The set is closed: Start, PartStart,
// TextDelta, ReasoningDelta, ArgumentsDelta, BlobDelta, CitationDelta, PartEnd,
// UsageUpdate, Finish.
//
// The grammar, which every decoder keeps and every encoder may rely on:
//
//	Start, then for each part PartStart · deltas · PartEnd, then one Finish a
//	choice. UsageUpdate may stand anywhere after Start, also after Finish.
//
// Parts of one choice are numbered from 0 in the order of their PartStart and
// may interleave (parallel tool calls do). A PartStart carries the part as far
// as it is known then: a ToolCall always has its ID and Name; an Opaque and a
// Media are whole; text and arguments come as deltas.
type Event interface{ event() }

// Start opens an answer.
type Start struct {
	ID, Model   string
	Created     time.Time
	ServiceTier string
}

// PartStart opens part Index of a choice.
type PartStart struct {
	Choice, Index int
	Part          Part
}

// TextDelta adds to a Text or Refusal part.
type TextDelta struct {
	Choice, Index int
	Text          string
	Logprobs      []TokenLogprob
}

// ReasoningDelta adds to a Reasoning part's text.
type ReasoningDelta struct {
	Choice, Index int
	Text          string
}

// ArgumentsDelta adds to a ToolCall's arguments.
type ArgumentsDelta struct {
	Choice, Index int
	Arguments     string
}

// BlobDelta gives an open part its blob, whole. A part that ends without one
// the maker should have sent (a cut signature) must not be kept for replay.
type BlobDelta struct {
	Choice, Index int
	Blob          Blob
}

// CitationDelta adds a citation to a Text part.
type CitationDelta struct {
	Choice, Index int
	Citation      Citation
}

// PartEnd closes a part.
type PartEnd struct{ Choice, Index int }

// UsageUpdate tells the usage so far. The last one counts; they are never summed.
type UsageUpdate struct{ Usage Usage }

func (Start) event()          {}
func (PartStart) event()      {}
func (TextDelta) event()      {}
func (ReasoningDelta) event() {}
func (ArgumentsDelta) event() {}
func (BlobDelta) event()      {}
func (CitationDelta) event()  {}
func (PartEnd) event()        {}
func (UsageUpdate) event()    {}
func (Finish) event()         {}

// Stream yields events until the answer ends. It yields at most one error, and
// last; an answer that stops without a Finish yields an *Error of KindTruncated.
// Leaving the loop releases what the stream holds. It can be ranged over once.
type Stream = iter.Seq2[Event, error]

// Meaningful says whether an event shows that the provider is really answering:
// text, reasoning, a refusal, a tool's name, or the end. Until then an attempt
// can be given up without the client having seen anything.
func Meaningful(e Event) bool {
	switch e := e.(type) {
	case TextDelta:
		return e.Text != ""
	case ReasoningDelta:
		return e.Text != ""
	case ArgumentsDelta, BlobDelta, CitationDelta, Finish:
		return true
	case PartStart:
		switch p := e.Part.(type) {
		case ToolCall, Opaque, Media:
			return true
		case Text:
			return p.Text != ""
		case Reasoning:
			return p.Text != "" || p.Blob != nil
		case Refusal:
			return p.Text != ""
		}
	}
	return false
}

// OfCall says whether an event tells of a tool call: that it begins, or more of its
// arguments.
func OfCall(e Event) bool {
	switch e := e.(type) {
	case ArgumentsDelta:
		return true
	case PartStart:
		_, ok := e.Part.(ToolCall)
		return ok
	}
	return false
}

// Collect reads a stream to its end and returns the answer that it tells. On an
// error it returns what had come until then beside the error.
func Collect(s Stream) (*Answer, error) {
	c := Collector{}
	for e, err := range s {
		if err != nil {
			return c.Answer(), err
		}
		c.Add(e)
	}
	return c.Answer(), nil
}

// Collector builds an Answer out of events. The zero value is ready.
type Collector struct {
	head    Start
	usage   Usage
	choices []*building
	size    int
}

type building struct {
	parts  []Part
	text   [][]byte // of each part, what its deltas brought
	finish Finish
}

// Add takes the next event. Events for parts that were never opened are ignored.
func (c *Collector) Add(e Event) {
	if c.size += sizeOf(e); c.Full() {
		c.choices = nil
		return
	}
	switch e := e.(type) {
	case Start:
		c.head = e
	case PartStart:
		b := c.choice(e.Choice)
		if b != nil && e.Index == len(b.parts) {
			b.parts = append(b.parts, e.Part)
			b.text = append(b.text, nil)
		}
	case TextDelta:
		if b := c.open(e.Choice, e.Index); b != nil {
			b.text[e.Index] = append(b.text[e.Index], e.Text...)
			if t, ok := b.parts[e.Index].(Text); ok && len(e.Logprobs) > 0 {
				t.Logprobs = append(t.Logprobs, e.Logprobs...)
				b.parts[e.Index] = t
			}
		}
	case ReasoningDelta:
		if b := c.open(e.Choice, e.Index); b != nil {
			b.text[e.Index] = append(b.text[e.Index], e.Text...)
		}
	case ArgumentsDelta:
		if b := c.open(e.Choice, e.Index); b != nil {
			b.text[e.Index] = append(b.text[e.Index], e.Arguments...)
		}
	case BlobDelta:
		if b := c.open(e.Choice, e.Index); b != nil {
			b.parts[e.Index] = WithBlob(b.parts[e.Index], e.Blob)
		}
	case CitationDelta:
		if b := c.open(e.Choice, e.Index); b != nil {
			if t, ok := b.parts[e.Index].(Text); ok {
				t.Citations = append(t.Citations, e.Citation)
				b.parts[e.Index] = t
			}
		}
	case UsageUpdate:
		c.usage = e.Usage
	case Finish:
		if b := c.choice(e.Choice); b != nil {
			b.finish = e
		}
	}
}

// AddText takes in the next words of a part of the first choice, as a TextDelta is
// taken, of which a stream has so many that they aren't made for this alone.
func (c *Collector) AddText(part int, text string) {
	if c.size += len(text); c.Full() {
		c.choices = nil
		return
	}
	if b := c.open(0, part); b != nil {
		b.text[part] = append(b.text[part], text...)
	}
}

// Full says that more than MaxAnswer was told: what had been built is let go, and
// no more is taken.
func (c *Collector) Full() bool { return c.size > MaxAnswer }

// Answer returns the answer as far as it has been told.
func (c *Collector) Answer() *Answer {
	a := &Answer{ID: c.head.ID, Model: c.head.Model, Created: c.head.Created, ServiceTier: c.head.ServiceTier, Usage: c.usage}
	if len(c.choices) == 0 {
		a.Choices = []Choice{{}}
	}
	for _, b := range c.choices {
		parts := make([]Part, len(b.parts))
		for i, p := range b.parts {
			parts[i] = appendText(p, string(b.text[i]))
		}
		if len(parts) == 0 {
			parts = nil
		}
		a.Choices = append(a.Choices, Choice{Parts: parts, Finish: b.finish})
	}
	return a
}

// maxChoices bounds what a provider can make us allocate by a wild index.
const maxChoices = 128

func (c *Collector) choice(i int) *building {
	if i < 0 || i >= maxChoices {
		return nil
	}
	for len(c.choices) <= i {
		c.choices = append(c.choices, &building{finish: Finish{Choice: len(c.choices)}})
	}
	return c.choices[i]
}

func (c *Collector) open(choice, index int) *building {
	b := c.choice(choice)
	if b == nil || index < 0 || index >= len(b.parts) {
		return nil
	}
	return b
}

func appendText(p Part, s string) Part {
	if s == "" {
		return p
	}
	switch p := p.(type) {
	case Text:
		p.Text += s
		return p
	case Reasoning:
		p.Text += s
		return p
	case Refusal:
		p.Text += s
		return p
	case ToolCall:
		p.Arguments += s
		return p
	}
	return p
}

// WithBlob returns the part with the blob set, or the part as it is when its
// kind carries none.
func WithBlob(p Part, b Blob) Part {
	switch p := p.(type) {
	case Text:
		p.Blob = &b
		return p
	case Reasoning:
		p.Blob = &b
		return p
	case ToolCall:
		p.Blob = &b
		return p
	case Media:
		p.Blob = &b
		return p
	}
	return p
}

// WithoutBlob returns the part without its blob.
func WithoutBlob(p Part) Part {
	switch p := p.(type) {
	case Text:
		p.Blob = nil
		return p
	case Reasoning:
		p.Blob = nil
		return p
	case ToolCall:
		p.Blob = nil
		return p
	case Media:
		p.Blob = nil
		return p
	}
	return p
}

// Events tells a whole answer as a stream, for clients that asked for one while
// the provider gave none.
func Events(a *Answer) Stream {
	return func(yield func(Event, error) bool) {
		if !yield(Start{ID: a.ID, Model: a.Model, Created: a.Created, ServiceTier: a.ServiceTier}, nil) {
			return
		}
		for c, choice := range a.Choices {
			for i, p := range choice.Parts {
				if !yieldPart(yield, c, i, p) {
					return
				}
			}
		}
		if !yield(UsageUpdate{a.Usage}, nil) {
			return
		}
		for c, choice := range a.Choices {
			f := choice.Finish
			f.Choice = c
			if !yield(f, nil) {
				return
			}
		}
	}
}

func yieldPart(yield func(Event, error) bool, c, i int, p Part) bool {
	var delta Event
	var blob *Blob
	var citations []Citation
	switch q := p.(type) {
	case Text:
		delta, blob, citations = TextDelta{c, i, q.Text, q.Logprobs}, q.Blob, q.Citations
		p = Text{}
	case Refusal:
		delta, p = TextDelta{Choice: c, Index: i, Text: q.Text}, Refusal{}
	case Reasoning:
		delta, blob = ReasoningDelta{c, i, q.Text}, q.Blob
		p = Reasoning{ID: q.ID, Summary: q.Summary}
	case ToolCall:
		delta, blob = ArgumentsDelta{c, i, q.Arguments}, q.Blob
		q.Arguments, q.Blob = "", nil
		p = q
	}
	if !yield(PartStart{c, i, p}, nil) {
		return false
	}
	if delta != nil && !yield(delta, nil) {
		return false
	}
	for _, cit := range citations {
		if !yield(CitationDelta{c, i, cit}, nil) {
			return false
		}
	}
	if blob != nil && !yield(BlobDelta{c, i, *blob}, nil) {
		return false
	}
	return yield(PartEnd{c, i}, nil)
}
