package chat

import (
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// NewStream starts a streamed answer.
func (Format) NewStream(w io.Writer, c wire.Caller) wire.StreamEncoder {
	return &encoder{w: w, c: c}
}

// encoder writes chunks. The parts of a chat answer are told apart by the field
// that they stand in, so interleaved ones need no order of their own.
type encoder struct {
	w       io.Writer
	c       wire.Caller
	buf     []byte
	head    outAnswer
	begun   bool
	choices map[int]*encoding
	usage   llm.Usage
}

// encoding is one choice being written.
type encoding struct {
	roleSaid bool
	calls    map[int]int // part index → index among the calls
	custom   map[int]bool
	empty    map[int]bool // calls whose arguments are still empty
	refusal  map[int]bool
	reasoned bool // reasoning text was written
	part     int  // the part that wrote reasoning last
}

func (e *encoder) choice(i int) *encoding {
	if e.choices == nil {
		e.choices = map[int]*encoding{}
	}
	c := e.choices[i]
	if c == nil {
		c = &encoding{calls: map[int]int{}, custom: map[int]bool{}, empty: map[int]bool{}, refusal: map[int]bool{}, part: -1}
		e.choices[i] = c
	}
	return c
}

// Write adds an event.
func (e *encoder) Write(ev llm.Event) error {
	e.buf = e.buf[:0]
	if err := e.event(ev); err != nil {
		return err
	}
	return e.out()
}

func (e *encoder) out() error {
	if len(e.buf) == 0 {
		return nil
	}
	_, err := e.w.Write(e.buf)
	return err
}

func (e *encoder) event(ev llm.Event) error {
	switch ev := ev.(type) {
	case llm.Start:
		e.begin(ev)
	case llm.PartStart:
		return e.open(ev)
	case llm.TextDelta:
		text := toValid(ev.Text)
		if e.choice(ev.Choice).refusal[ev.Index] {
			return e.delta(ev.Choice, outDelta{Refusal: &text}, nil)
		}
		return e.delta(ev.Choice, outDelta{Content: &text}, logprobsOf(ev.Logprobs))
	case llm.ReasoningDelta:
		c := e.choice(ev.Choice)
		text := toValid(ev.Text)
		if c.reasoned && c.part != ev.Index {
			text = "\n\n" + text
		}
		c.reasoned, c.part = true, ev.Index
		return e.delta(ev.Choice, outDelta{ReasoningContent: &text}, nil)
	case llm.ArgumentsDelta:
		if ev.Arguments == "" {
			return nil
		}
		e.choice(ev.Choice).empty[ev.Index] = false
		return e.arguments(ev.Choice, ev.Index, ev.Arguments)
	case llm.BlobDelta:
		if ev.Blob.Kind == llm.BlobDetails {
			return e.delta(ev.Choice, outDelta{ReasoningDetails: jsontext.Value(ev.Blob.Data)}, nil)
		}
	case llm.CitationDelta:
		if notes := notesOf([]llm.Citation{ev.Citation}); notes != nil {
			return e.delta(ev.Choice, outDelta{Annotations: notes}, nil)
		}
	case llm.PartEnd:
		c := e.choice(ev.Choice)
		if c.empty[ev.Index] && !c.custom[ev.Index] {
			// Clients parse the arguments as JSON, and nothing isn't any.
			c.empty[ev.Index] = false
			return e.arguments(ev.Choice, ev.Index, "{}")
		}
	case llm.UsageUpdate:
		e.usage = ev.Usage
	case llm.Finish:
		word := finishWord(ev.Reason, len(e.choice(ev.Choice).refusal) > 0)
		return e.write(outChoice{Index: ev.Choice, Delta: &outDelta{}, FinishReason: &word})
	}
	return nil
}

func (e *encoder) begin(s llm.Start) {
	if e.begun {
		return
	}
	e.begun = true
	e.head = head(s.ID, s.Model, "chat.completion.chunk", s.Created, e.c)
	e.head.ServiceTier = s.ServiceTier
}

func (e *encoder) open(ev llm.PartStart) error {
	c := e.choice(ev.Choice)
	switch p := ev.Part.(type) {
	case llm.ToolCall:
		n := len(c.calls)
		c.calls[ev.Index], c.custom[ev.Index] = n, p.Custom
		c.empty[ev.Index] = p.Arguments == ""
		call := outCall{Index: &n, ID: p.ID}
		if p.Custom {
			call.Type, call.Custom = "custom", &outFreeText{Name: p.Name, Input: p.Arguments}
		} else {
			call.Type, call.Function = "function", &outCalled{Name: p.Name, Arguments: p.Arguments}
		}
		return e.delta(ev.Choice, outDelta{ToolCalls: []outCall{call}}, nil)
	case llm.Text:
		if p.Text != "" {
			return e.event(llm.TextDelta{Choice: ev.Choice, Index: ev.Index, Text: p.Text, Logprobs: p.Logprobs})
		}
	case llm.Refusal:
		c.refusal[ev.Index] = true
		if p.Text != "" {
			return e.event(llm.TextDelta{Choice: ev.Choice, Index: ev.Index, Text: p.Text})
		}
	case llm.Reasoning:
		if p.Text != "" {
			if err := e.event(llm.ReasoningDelta{Choice: ev.Choice, Index: ev.Index, Text: p.Text}); err != nil {
				return err
			}
		}
		if p.Blob != nil {
			return e.event(llm.BlobDelta{Choice: ev.Choice, Index: ev.Index, Blob: *p.Blob})
		}
	}
	return nil
}

func (e *encoder) arguments(choice, part int, text string) error {
	c := e.choice(choice)
	n, ok := c.calls[part]
	if !ok {
		return nil
	}
	call := outCall{Index: &n}
	if c.custom[part] {
		call.Custom = &outFreeText{Input: toValid(text)}
	} else {
		call.Function = &outCalled{Arguments: toValid(text)}
	}
	return e.delta(choice, outDelta{ToolCalls: []outCall{call}}, nil)
}

func (e *encoder) delta(choice int, d outDelta, lp *outLogprobs) error {
	c := e.choice(choice)
	if !c.roleSaid {
		c.roleSaid = true
		d.Role = "assistant"
	}
	return e.write(outChoice{Index: choice, Delta: &d, Logprobs: lp})
}

func (e *encoder) write(c outChoice) error {
	e.begin(llm.Start{})
	chunk := e.head
	chunk.Choices = []outChoice{c}
	return e.append(chunk)
}

func (e *encoder) append(chunk outAnswer) error {
	data, err := json.Marshal(chunk)
	if err != nil {
		return llm.Errorf(llm.KindUpstream, "a chunk can't be written: %w", err)
	}
	e.buf = sse.AppendData(e.buf, data)
	return nil
}

// Ping writes a comment.
func (e *encoder) Ping() error {
	e.buf = sse.AppendComment(e.buf[:0], "ping")
	return e.out()
}

// Fail writes an error in place of a chunk, as the official SDKs raise it.
func (e *encoder) Fail(err *llm.Error) error {
	_, body := encodeError(err)
	e.buf = sse.AppendData(e.buf[:0], body)
	return e.out()
}

// Close writes the usage, where it was asked for, and the terminator.
func (e *encoder) Close() error {
	e.buf = e.buf[:0]
	if q := e.c.Request; q != nil && q.StreamUsage {
		if u := usageOf(e.usage); u != nil {
			e.begin(llm.Start{})
			chunk := e.head
			chunk.Choices, chunk.Usage = []outChoice{}, u
			if err := e.append(chunk); err != nil {
				return err
			}
		}
	}
	e.buf = append(e.buf, "data: [DONE]\n\n"...)
	return e.out()
}
