package messages

import (
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// maxHeld bounds what is held of parts that must wait: for another block to end,
// or for their own end.
const maxHeld = 16 << 20

// stream writes one streamed answer. The format has one block open at a time:
// parts that interleave wait, and come whole after the one before them.
type stream struct {
	w   io.Writer
	c   wire.Caller
	out []byte // what this call writes

	head    llm.Start
	begun   bool // message_start was written
	over    bool
	blocks  []*outgoing // parts not yet ended, in order; the first is the open one
	index   int         // of the next block
	held    int
	usage   llm.Usage
	counted bool
	output  int64 // tokens that passed, estimated
	finish  llm.Finish
	called  bool
}

// outgoing is a part on its way to the client.
type outgoing struct {
	index   int // of the part
	part    llm.Part
	kind    string // of the block that was started; "" as long as none was
	fed     bool   // arguments came
	ended   bool
	waiting []llm.Event
}

// NewStream starts a streamed answer on w.
func (Format) NewStream(w io.Writer, c wire.Caller) wire.StreamEncoder {
	return &stream{w: w, c: c}
}

// Write adds an event.
func (s *stream) Write(ev llm.Event) error {
	if s.over {
		return nil
	}
	switch ev := ev.(type) {
	case llm.Start:
		s.head = ev
	case llm.UsageUpdate:
		s.usage = ev.Usage
		s.counted = ev.Usage.Quality != llm.QualityUnknown || !ev.Usage.IsZero()
	case llm.Finish:
		if ev.Choice == 0 {
			s.finish = ev
		}
	case llm.PartStart:
		if ev.Choice != 0 {
			break
		}
		b := &outgoing{index: ev.Index, part: ev.Part}
		s.blocks = append(s.blocks, b)
		if len(s.blocks) == 1 {
			s.start(b)
			break
		}
		if err := s.hold(0); err != nil {
			return err
		}
	case llm.PartEnd:
		if b := s.find(ev.Choice, ev.Index); b != nil {
			b.ended = true
			s.advance()
		}
	case llm.TextDelta:
		return s.pass(ev.Choice, ev.Index, ev, len(ev.Text))
	case llm.ReasoningDelta:
		return s.pass(ev.Choice, ev.Index, ev, len(ev.Text))
	case llm.ArgumentsDelta:
		return s.pass(ev.Choice, ev.Index, ev, len(ev.Arguments))
	case llm.BlobDelta:
		return s.pass(ev.Choice, ev.Index, ev, len(ev.Blob.Data))
	case llm.CitationDelta:
		return s.pass(ev.Choice, ev.Index, ev, len(ev.Citation.Raw))
	}
	return s.send()
}

func (s *stream) find(choice, index int) *outgoing {
	if choice != 0 {
		return nil
	}
	i := slices.IndexFunc(s.blocks, func(b *outgoing) bool { return b.index == index && !b.ended })
	if i < 0 {
		return nil
	}
	return s.blocks[i]
}

// pass writes a delta of the open part and holds those of others.
func (s *stream) pass(choice, index int, ev llm.Event, size int) error {
	b := s.find(choice, index)
	switch b {
	case nil:
		return nil
	case s.blocks[0]:
		s.delta(b, ev)
		return s.send()
	}
	b.waiting = append(b.waiting, ev)
	return s.hold(size)
}

// hold notes that an event waits.
func (s *stream) hold(size int) error {
	const eventSize = 128
	if s.held += size + eventSize; s.held > maxHeld {
		return llm.Errorf(llm.KindUpstream, "the provider's parts interleave over more than %d bytes", maxHeld)
	}
	return nil
}

// advance ends the parts at the front that are over, and goes on with the next.
func (s *stream) advance() {
	for len(s.blocks) > 0 && s.blocks[0].ended {
		s.stop(s.blocks[0])
		s.blocks = s.blocks[1:]
		if len(s.blocks) == 0 {
			s.held = 0
			return
		}
		b := s.blocks[0]
		s.start(b)
		for _, ev := range b.waiting {
			s.delta(b, ev)
		}
		b.waiting = nil
	}
}

// start opens a part's block where it is known to be wanted: text and reasoning
// wait for their first word, since empty blocks are refused when sent back.
func (s *stream) start(b *outgoing) {
	switch p := b.part.(type) {
	case llm.Text:
		s.delta(b, llm.TextDelta{Text: p.Text})
		for _, c := range p.Citations {
			s.delta(b, llm.CitationDelta{Citation: c})
		}
	case llm.Refusal:
		s.delta(b, llm.TextDelta{Text: p.Text})
	case llm.Reasoning:
		s.delta(b, llm.ReasoningDelta{Text: p.Text})
		if p.Blob != nil {
			s.delta(b, llm.BlobDelta{Blob: *p.Blob})
		}
	case llm.ToolCall:
		s.called = true
		s.open(b, &block{Type: typeToolUse, ID: p.ID, Name: p.Name, Input: jsontext.Value("{}")})
		s.delta(b, llm.ArgumentsDelta{Arguments: p.Arguments})
	case llm.Opaque:
		if p.Format == llm.FormatMessages {
			s.whole(b, p)
		}
	}
}

// open starts a block, once.
func (s *stream) open(b *outgoing, shape *block) {
	if b.kind != "" {
		return
	}
	s.begin()
	b.kind = shape.Type
	v := shape.raw
	if v == nil {
		var err error
		if v, err = json.Marshal(shape, writing); err != nil {
			v = jsontext.Value("{}")
		}
	}
	data := append(s.data("content_block_start"), `,"content_block":`...)
	s.event("content_block_start", append(append(data, v...), '}'))
}

// whole writes a part that came verbatim. Input streams in as deltas, as the
// vendor sends it.
func (s *stream) whole(b *outgoing, p llm.Opaque) {
	raw, input := jsontext.Value(p.Raw), scan.Member(p.Raw, "input")
	if input.Kind() == '{' {
		if bare, err := scan.Splice(raw, []scan.Edit{{Name: "input", Value: []byte("{}")}}); err == nil {
			raw = bare
		}
	}
	raw, ok := compacted(raw)
	if !ok {
		return
	}
	s.open(b, &block{Type: p.Type, raw: raw})
	if input.Kind() == '{' {
		s.add(b, "input_json_delta", "partial_json", string(input))
	}
}

var (
	emptyText     = ""
	openText      = &block{Type: typeText, Text: &emptyText}
	openReasoning = &block{Type: typeThinking, Thinking: &emptyText, Signature: &emptyText}
)

func (s *stream) delta(b *outgoing, ev llm.Event) {
	switch ev := ev.(type) {
	case llm.TextDelta:
		if ev.Text != "" {
			s.open(b, openText)
			s.add(b, "text_delta", "text", ev.Text)
		}
	case llm.ReasoningDelta:
		if ev.Text != "" {
			s.open(b, openReasoning)
			s.add(b, "thinking_delta", "thinking", ev.Text)
		}
	case llm.ArgumentsDelta:
		s.arguments(b, ev.Arguments)
	case llm.CitationDelta:
		if raw, ok := compacted(ev.Citation.Raw); ok && ev.Citation.Format == llm.FormatMessages {
			s.open(b, openText)
			data := append(s.data("content_block_delta"), `,"delta":{"type":"citations_delta","citation":`...)
			s.event("content_block_delta", append(append(data, raw...), "}}"...))
		}
	case llm.BlobDelta:
		if _, ok := b.part.(llm.Reasoning); !ok {
			return
		}
		switch ev.Blob.Kind {
		case llm.BlobSignature:
			s.open(b, openReasoning)
			s.add(b, "signature_delta", "signature", ev.Blob.Data)
		case llm.BlobRedacted:
			s.open(b, &block{Type: typeRedacted, Data: ev.Blob.Data})
		}
	}
}

// arguments adds to a call's input. Free text becomes the one field of an object.
func (s *stream) arguments(b *outgoing, fragment string) {
	if fragment == "" {
		return
	}
	if call, ok := b.part.(llm.ToolCall); ok && call.Custom {
		inner := scan.Quote(fragment)
		fragment = string(inner[1 : len(inner)-1])
		if !b.fed {
			fragment = `{"` + wire.FreeTextField + `":"` + fragment
		}
	}
	b.fed = true
	s.add(b, "input_json_delta", "partial_json", fragment)
}

// add writes a delta that is one text.
func (s *stream) add(b *outgoing, typ, name, text string) {
	if b.kind == "" || b.kind == typeRedacted {
		return
	}
	s.output += llm.EstimateTokens(text)
	// Written in place: most of a stream is this.
	out := append(s.out, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":"...)
	out = append(strconv.AppendInt(out, int64(s.index), 10), `,"delta":{"type":"`...)
	out = append(append(append(append(out, typ...), `","`...), name...), `":`...)
	s.out = append(scan.AppendQuote(out, text), "}}\n\n"...)
}

func (s *stream) stop(b *outgoing) {
	if call, ok := b.part.(llm.ToolCall); ok && b.kind != "" {
		switch {
		case call.Custom && b.fed:
			s.add(b, "input_json_delta", "partial_json", `"}`)
		case call.Custom:
			s.add(b, "input_json_delta", "partial_json", `{"`+wire.FreeTextField+`":""}`)
		case !b.fed:
			s.add(b, "input_json_delta", "partial_json", "{}")
		}
	}
	if b.kind == "" {
		return
	}
	s.event("content_block_stop", append(s.data("content_block_stop"), '}'))
	s.index++
}

// data begins the data of an event about the open block.
func (s *stream) data(typ string) []byte {
	b := append(make([]byte, 0, 256), `{"type":"`...)
	b = append(append(b, typ...), `","index":`...)
	return strconv.AppendInt(b, int64(s.index), 10)
}

func (s *stream) event(name string, data []byte) { s.out = sse.AppendEvent(s.out, name, data) }

// begin writes the message's head, before its first block: by then the usage of
// the input is known, where the provider tells it early.
func (s *stream) begin() {
	if s.begun {
		return
	}
	s.begun = true
	m := newMessage(s.head.ID, s.head.Model, s.c)
	u := s.spent()
	u.ServiceTier = s.head.ServiceTier
	m.Usage = usageOf(u)
	s.marshal("message_start", struct {
		Type    string  `json:"type"`
		Message message `json:"message"`
	}{"message_start", m})
}

// spent is the usage so far; an estimate stands in where nobody counted, since
// clients show their budgets by it.
func (s *stream) spent() llm.Usage {
	if s.counted {
		return s.usage
	}
	return llm.Usage{Input: s.c.InputEstimate, Output: s.output}
}

func (s *stream) marshal(name string, v any) {
	data, err := json.Marshal(v, writing)
	if err != nil {
		return // the shapes hold nothing that can't be written
	}
	s.event(name, data)
}

// Ping writes what keeps an idle connection alive.
func (s *stream) Ping() error {
	if s.over {
		return nil
	}
	s.event("ping", []byte(`{"type":"ping"}`))
	return s.send()
}

// Fail ends the stream with an error event.
func (s *stream) Fail(e *llm.Error) error {
	if s.over {
		return nil
	}
	s.over = true
	_, body := Format{}.EncodeError(e)
	s.event("error", body)
	return s.send()
}

// Close ends the open blocks and the message.
func (s *stream) Close() error {
	if s.over {
		return nil
	}
	s.begin()
	for _, b := range s.blocks {
		b.ended = true
	}
	s.advance()
	s.over = true
	type ending struct {
		StopReason   string         `json:"stop_reason"`
		StopSequence *string        `json:"stop_sequence"`
		StopDetails  *stopDetails   `json:"stop_details"`
		Container    jsontext.Value `json:"container"`
	}
	u := usageOf(s.spent())
	u.ServiceTier = ""
	s.marshal("message_delta", struct {
		Type  string `json:"type"`
		Delta ending `json:"delta"`
		Usage *usage `json:"usage"`
	}{
		"message_delta",
		ending{stopReason(s.finish, s.called), sequenceOf(s.finish), detailsOf(s.finish), jsontext.Value("null")},
		u,
	})
	s.event("message_stop", []byte(`{"type":"message_stop"}`))
	return s.send()
}

const keptBuffer = 64 << 10

// send writes what the call gathered, in one piece.
func (s *stream) send() error {
	if len(s.out) == 0 {
		return nil
	}
	_, err := s.w.Write(s.out)
	if s.out = s.out[:0]; cap(s.out) > keptBuffer {
		s.out = nil
	}
	return err
}
