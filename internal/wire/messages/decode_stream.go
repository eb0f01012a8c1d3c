package messages

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// DecodeStream reads a streamed answer.
func (Format) DecodeStream(r io.Reader, t wire.Target) llm.Stream {
	return llm.Bounded(func(yield func(llm.Event, error) bool) {
		in := sse.NewReader(r)
		defer in.Close()
		d := decoder{t: t}
		for !d.over {
			ev, err := in.Next()
			if err != nil {
				yield(nil, sse.Broken(err))
				return
			}
			if ev.Comment {
				continue
			}
			events, err := d.feed(string(ev.Name), ev.Data)
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	})
}

// decoder turns the events of one stream into neutral ones.
type decoder struct {
	t      wire.Target
	out    []llm.Event // of the current event; used again
	begun  bool
	over   bool
	id     string // the answer's
	usage  usage
	open   []*incoming
	parts  int // neutral parts so far
	calls  int // tool calls of the client's among them
	held   int // bytes of input that waited, of all blocks
	answer bool
	finish llm.Finish
}

// incoming is an open block.
type incoming struct {
	block int // its index on the wire
	part  int // of the neutral part; -1 as long as there is none
	as    meaning
	raw   jsontext.Value  // an opaque block as it began
	input jsontext.Value  // what a call's block began with
	held  strings.Builder // input that is only of use when whole
	fed   bool
}

// meaning is what becomes of a block.
type meaning uint8

const (
	asText meaning = iota
	asReasoning
	asCall
	asCustom // a call whose input is free text
	asAnswer // a call that stands for the answer
	asOpaque
	asNothing // without a type, nobody could tell what it is
)

// maxOpen bounds how many blocks a provider can leave open at once.
const maxOpen = 1024

// feed reads one event, which tells its type in its data too. The returned
// events are valid until the next call.
func (d *decoder) feed(name string, data []byte) ([]llm.Event, error) {
	d.out = d.out[:0]
	if text, part, ok := d.words(data); ok {
		d.emit(llm.TextDelta{Index: part, Text: text})
		return d.out, nil
	}
	var ev event
	if err := scan.Read(data, &ev); err != nil {
		return nil, unreadable(name, data, err)
	}
	switch ev.Type {
	case "message_start":
		d.begin(ev.Message)
		return d.out, nil
	case "error":
		return nil, errorInside(data)
	case "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop":
	default:
		if ev.Error.Kind() == '{' || ev.Error.Kind() == '"' {
			return nil, errorInside(data)
		}
		return nil, nil
	}
	d.begin(nil)
	var err error
	switch ev.Type {
	case "content_block_start":
		err = d.start(ev.Index, ev.ContentBlock)
	case "content_block_delta":
		err = d.delta(ev.Index, ev.Delta)
	case "content_block_stop":
		err = d.stop(ev.Index)
	case "message_delta":
		err = d.end(&ev)
	case "message_stop":
		err = d.last()
	}
	return d.out, err
}

// words returns the text of an event that is the next words of an open text, and
// the text's part.
func (d *decoder) words(data []byte) (text string, part int, ok bool) {
	if len(d.open) == 0 {
		return "", 0, false
	}
	text, index, ok := nextWords(data)
	if !ok {
		return "", 0, false
	}
	b := d.find(index)
	if b == nil || b.as != asText {
		return "", 0, false
	}
	return text, b.part, true
}

// unreadable judges data that isn't what it should be. Words of other formats
// ("[DONE]") and unknown events mean nothing.
func unreadable(name string, data []byte, err error) error {
	typ := scan.Text(scan.Member(scan.Sound(data), "type"))
	if typ == "" {
		typ = name
	}
	switch typ {
	case "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop":
		return llm.Errorf(llm.KindUpstream, "the provider sent an event that can't be read: %w", err)
	case "error":
		return errorInside(data)
	}
	if e := wire.Malformed(name, data); e != nil {
		return e
	}
	return nil
}

func (d *decoder) emit(e llm.Event) { d.out = append(d.out, e) }

// begin opens the answer, once; some servers leave the event for it out.
func (d *decoder) begin(h *head) {
	if d.begun {
		return
	}
	d.begun = true
	s := llm.Start{}
	if h != nil {
		s.ID, s.Model, d.id = h.ID, h.Model, h.ID
		if h.Usage != nil {
			s.ServiceTier = h.Usage.ServiceTier
		}
	}
	d.emit(s)
	if h != nil && h.Usage != nil {
		d.usage.merge(h.Usage)
		d.emit(llm.UsageUpdate{Usage: d.usage.neutral(d.t)})
	}
}

// begins opens a neutral part for a block.
func (d *decoder) begins(b *incoming, p llm.Part) {
	b.part = d.parts
	d.parts++
	d.emit(llm.PartStart{Index: b.part, Part: p})
}

func (d *decoder) start(index int, raw jsontext.Value) error {
	if len(d.open) >= maxOpen {
		return llm.Errorf(llm.KindUpstream, "the provider left more than %d blocks open", maxOpen)
	}
	in := &incoming{block: index, part: -1, as: asOpaque}
	typ := scan.Text(scan.Member(raw, "type"))
	var b block
	switch typ {
	case "":
		return nil // as nothing
	case typeText, typeThinking, typeRedacted, typeToolUse:
		if err := json.Unmarshal(raw, &b, scan.Lenient); err != nil {
			return llm.Errorf(llm.KindUpstream, "the provider sent a %s block that can't be read: %w", typ, err)
		}
	}
	if typ == typeToolUse && b.Name == "" {
		return nil // nothing that could be called
	}
	d.open = append(d.open, in)
	switch typ {
	case typeText:
		in.as = asText
		d.begins(in, llm.Text{})
		if s := value(b.Text); s != "" {
			d.emit(llm.TextDelta{Index: in.part, Text: s})
		}
	case typeThinking:
		in.as = asReasoning
		d.begins(in, llm.Reasoning{})
		if s := value(b.Thinking); s != "" {
			d.emit(llm.ReasoningDelta{Index: in.part, Text: s})
		}
		if s := value(b.Signature); s != "" {
			d.emit(llm.BlobDelta{Index: in.part, Blob: d.signed(s)})
		}
	case typeRedacted:
		in.as = asReasoning
		d.begins(in, llm.Reasoning{Blob: &llm.Blob{Kind: llm.BlobRedacted, Data: b.Data, Origin: d.t.Origin}})
	case typeToolUse:
		in.input = b.Input
		var call llm.ToolCall
		call, in.as = called(&b, d.t)
		if in.as == asAnswer {
			d.answer = true
			d.begins(in, llm.Text{})
			break
		}
		if call.ID == "" {
			call.ID = wire.InventedID(d.id, 0, d.calls)
		}
		d.calls++
		d.begins(in, call)
	default:
		in.raw = raw
	}
	return nil
}

// called says what a tool_use block is: a call under the client's own name for
// the tool, or the answer itself.
func called(b *block, t wire.Target) (llm.ToolCall, meaning) {
	name, custom := t.Names.Called(b.Name)
	switch {
	case name == answerTool:
		return llm.ToolCall{}, asAnswer
	case custom:
		return llm.ToolCall{ID: b.ID, Name: name, Custom: true}, asCustom
	}
	return llm.ToolCall{ID: b.ID, Name: name}, asCall
}

func (d *decoder) signed(s string) llm.Blob {
	return llm.Blob{Kind: llm.BlobSignature, Data: s, Origin: d.t.Origin}
}

func (d *decoder) find(index int) *incoming {
	i := slices.IndexFunc(d.open, func(b *incoming) bool { return b.block == index })
	if i < 0 {
		return nil
	}
	return d.open[i]
}

func (d *decoder) delta(index int, x *delta) error {
	if x == nil {
		return nil
	}
	b := d.find(index)
	if b == nil {
		// Some servers leave the start of a block out where its kind is plain.
		var err error
		switch x.Type {
		case "text_delta":
			err = d.start(index, jsontext.Value(`{"type":"text"}`))
		case "thinking_delta":
			err = d.start(index, jsontext.Value(`{"type":"thinking"}`))
		default:
			return nil
		}
		if err != nil {
			return err
		}
		b = d.find(index)
	}
	switch {
	case x.Type == "text_delta" && b.as == asText && x.Text != "":
		d.emit(llm.TextDelta{Index: b.part, Text: x.Text})
	case x.Type == "citations_delta" && b.as == asText && x.Citation.Kind() == '{':
		d.emit(llm.CitationDelta{Index: b.part, Citation: citationOf(x.Citation)})
	case x.Type == "thinking_delta" && b.as == asReasoning && x.Thinking != "":
		d.emit(llm.ReasoningDelta{Index: b.part, Text: x.Thinking})
	case x.Type == "signature_delta" && b.as == asReasoning && x.Signature != "":
		d.emit(llm.BlobDelta{Index: b.part, Blob: d.signed(x.Signature)})
	case x.Type == "input_json_delta" && x.PartialJSON != "":
		return d.input(b, x.PartialJSON)
	}
	return nil
}

// input takes a fragment of a call's input.
func (d *decoder) input(b *incoming, fragment string) error {
	b.fed = true
	switch b.as {
	case asCall:
		d.emit(llm.ArgumentsDelta{Index: b.part, Arguments: fragment})
	case asAnswer:
		d.emit(llm.TextDelta{Index: b.part, Text: fragment})
	case asCustom, asOpaque:
		if d.held += len(fragment); d.held > llm.MaxAnswer {
			return llm.Errorf(llm.KindUpstream, "the input of tools is larger than %d bytes", llm.MaxAnswer)
		}
		b.held.WriteString(fragment)
	}
	return nil
}

func (d *decoder) stop(index int) error {
	i := slices.IndexFunc(d.open, func(b *incoming) bool { return b.block == index })
	if i < 0 {
		return nil
	}
	b := d.open[i]
	d.open = slices.Delete(d.open, i, i+1)
	// What a block began with counts where no deltas came.
	whole := scan.ObjectArguments(b.input)
	switch {
	case b.as == asCall && !b.fed:
		d.emit(llm.ArgumentsDelta{Index: b.part, Arguments: whole})
	case b.as == asAnswer && !b.fed:
		d.emit(llm.TextDelta{Index: b.part, Text: whole})
	case b.as == asCustom:
		if b.fed {
			whole = b.held.String()
		}
		if s := wire.FreeText(whole); s != "" {
			d.emit(llm.ArgumentsDelta{Index: b.part, Arguments: s})
		}
	case b.as == asOpaque:
		d.begins(b, opaque(scan.Text(scan.Member(b.raw, "type")), withInput(b.raw, b.held.String())))
	}
	d.emit(llm.PartEnd{Index: b.part})
	return nil
}

// withInput gives an opaque block the input that came after it.
func withInput(raw jsontext.Value, input string) jsontext.Value {
	value, ok := scan.Strict(jsontext.Value(input))
	if !ok {
		return raw
	}
	out, err := scan.Splice(raw, []scan.Edit{{Name: "input", Value: value}})
	if err != nil {
		return raw
	}
	return out
}

// end reads why the answer ends and what it used.
func (d *decoder) end(ev *event) error {
	if x := ev.Delta; x != nil && x.StopReason != "" {
		d.finish = finishOf(x.StopReason, x.StopSequence, x.StopDetails)
	}
	if ev.Usage != nil {
		d.usage.merge(ev.Usage)
		d.emit(llm.UsageUpdate{Usage: d.usage.neutral(d.t)})
	}
	return nil
}

// last closes what is open and tells the finish, which counts only now.
func (d *decoder) last() error {
	for len(d.open) > 0 {
		if err := d.stop(d.open[0].block); err != nil {
			return err
		}
	}
	d.over = true
	if d.finish.Reason == "" {
		return llm.Errorf(llm.KindTruncated, "the stream ended without saying why the model stopped")
	}
	d.emit(answered(d.finish, d.answer, d.calls))
	return nil
}

// answered is the finish of an answer that came as a call: to the client none
// was made.
func answered(f llm.Finish, answer bool, calls int) llm.Finish {
	if answer && calls == 0 && f.Reason == llm.FinishToolCalls {
		f.Reason = llm.FinishStop
	}
	return f
}

// unreadableAnswer is the error for a whole answer that is none.
func unreadableAnswer(err error) *llm.Error {
	return llm.Errorf(llm.KindUpstream, "the provider's answer can't be read: %w", fmt.Errorf("messages: %w", err))
}
