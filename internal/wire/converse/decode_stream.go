package converse

import (
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// DecodeStream reads a streamed answer, which comes as frames of [StreamType].
func (Format) DecodeStream(r io.Reader, t wire.Target) llm.Stream {
	return func(yield func(llm.Event, error) bool) {
		in := newFrames(r)
		d := decoder{t: t}
		for !d.over {
			f, err := in.next()
			if err != nil {
				err = d.ended(err)
			} else {
				err = d.feed(f)
			}
			for _, e := range d.out {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// decoder turns the frames of one stream into neutral events.
type decoder struct {
	t       wire.Target
	out     []llm.Event // of the current frame; used again
	begun   bool
	stopped bool // why the answer ends was said
	counted bool // what it used was said
	over    bool
	open    []*incoming
	parts   int // neutral parts so far
	calls   int // tool calls of the client's among them
	answer  bool
	finish  llm.Finish
}

// incoming is an open block.
type incoming struct {
	block int // its index on the wire
	part  int // of the neutral part; -1 as long as there is none
	as    meaning
	raw   jsontext.Value  // the start of a block that is kept as it came
	held  strings.Builder // what is only of use when whole: input, a signature, deltas
	blobs []string        // pieces of a redacted text, each in base64
	size  int             // of the pieces
	fed   bool
}

const (
	// maxOpen bounds how many blocks a provider can leave open at once, maxHeld
	// what of one is kept until it is whole.
	maxOpen = 1024
	maxHeld = 16 << 20
)

// event is the payload of any event; which fields count depends on its name.
type event struct {
	head
	Index      int            `json:"contentBlockIndex"`
	Start      jsontext.Value `json:"start"`
	Delta      *delta         `json:"delta"`
	StopReason string         `json:"stopReason"`
	Extra      jsontext.Value `json:"additionalModelResponseFields"`
}

// delta is a piece of a block: one field is set.
type delta struct {
	Text    string `json:"text"`
	ToolUse *struct {
		Input string `json:"input"`
	} `json:"toolUse"`
	Reasoning *struct {
		Text      string `json:"text"`
		Signature string `json:"signature"`
		Redacted  string `json:"redactedContent"`
	} `json:"reasoningContent"`
	Citation jsontext.Value `json:"citation"`
}

// feed reads one frame. The events in out are valid until the next call.
func (d *decoder) feed(f frame) error {
	d.out = d.out[:0]
	switch f.message {
	case "exception", "error":
		e := errorInside(f.name, f.payload)
		if f.said != "" {
			e.Message = wire.Clip(f.said)
			refine(e)
		}
		return e
	}
	switch f.name {
	case "messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata":
	default:
		return nil // newer than we are, or for others
	}
	var ev event
	if err := scan.Read(f.payload, &ev); err != nil {
		return llm.Errorf(llm.KindUpstream, "the provider sent an event %s that can't be read: %w", f.name, err)
	}
	if !d.begun {
		d.begun = true
		d.emit(llm.Start{})
	}
	switch f.name {
	case "contentBlockStart":
		return d.start(ev.Index, ev.Start)
	case "contentBlockDelta":
		return d.delta(ev.Index, ev.Delta, f.payload)
	case "contentBlockStop":
		d.stop(ev.Index)
	case "messageStop":
		if !d.stopped && ev.StopReason != "" {
			d.closeAll()
			d.stopped, d.finish = true, answered(finishOf(ev.StopReason, ev.Extra), d.answer, d.calls)
		}
	case "metadata":
		if ev.Usage != nil {
			d.counted = true
			d.emit(llm.UsageUpdate{Usage: ev.Usage.neutral(ev.tier())})
		}
	}
	if d.stopped && d.counted {
		d.last()
	}
	return nil
}

func (d *decoder) emit(e llm.Event) { d.out = append(d.out, e) }

// ended judges the end of the bytes. After the reason for it only the usage is
// missing, which is no reason to lose an answer.
func (d *decoder) ended(err error) error {
	d.out = d.out[:0]
	if e := llm.AsError(err); d.stopped && (errors.Is(err, errEnd) || e.Kind == llm.KindTruncated) {
		d.last()
		return nil
	}
	if errors.Is(err, errEnd) {
		return llm.Errorf(llm.KindTruncated, "the stream ended before the answer did")
	}
	return err
}

// last tells the finish.
func (d *decoder) last() {
	d.over = true
	d.emit(d.finish)
}

func (d *decoder) find(index int) *incoming {
	i := slices.IndexFunc(d.open, func(b *incoming) bool { return b.block == index })
	if i < 0 {
		return nil
	}
	return d.open[i]
}

// begins opens a neutral part for a block.
func (d *decoder) begins(b *incoming, p llm.Part) {
	b.part = d.parts
	d.parts++
	d.emit(llm.PartStart{Index: b.part, Part: p})
}

func (d *decoder) opened(index int, as meaning) (*incoming, error) {
	if len(d.open) >= maxOpen {
		return nil, llm.Errorf(llm.KindUpstream, "the provider left more than %d blocks open", maxOpen)
	}
	if d.stopped {
		return nil, llm.Errorf(llm.KindUpstream, "the provider sent a block after the end of its answer")
	}
	b := &incoming{block: index, part: -1, as: as}
	d.open = append(d.open, b)
	return b, nil
}

// start reads the start of a block, which only those have whose kind a delta
// doesn't tell.
func (d *decoder) start(index int, raw jsontext.Value) error {
	d.stop(index) // an index that begins anew ends what it stood for
	var s struct {
		ToolUse *toolUse `json:"toolUse"`
	}
	if raw.Kind() != '{' {
		return nil
	}
	if err := json.Unmarshal(raw, &s, scan.Lenient); err != nil {
		return llm.Errorf(llm.KindUpstream, "the provider sent the start of a block that can't be read: %w", err)
	}
	if s.ToolUse == nil || s.ToolUse.Type != "" {
		kind := kindOf(raw)
		if kind == "" || kind == "text" || kind == "reasoningContent" {
			return nil // the first delta begins it
		}
		b, err := d.opened(index, asOpaque)
		if err == nil {
			b.raw = raw.Clone()
		}
		return err
	}
	if s.ToolUse.Name == "" {
		return nil // nothing that could be called
	}
	call, as := called(s.ToolUse, d.t)
	b, err := d.opened(index, as)
	if err != nil {
		return err
	}
	if as == asAnswer {
		d.answer = true
		d.begins(b, llm.Text{})
		return nil
	}
	if call.ID == "" {
		call.ID = wire.InventedID("", 0, d.calls)
	}
	d.calls++
	d.begins(b, call)
	return nil
}

func (d *decoder) delta(index int, x *delta, payload []byte) error {
	if x == nil {
		return nil
	}
	b := d.find(index)
	if b == nil {
		as := asText
		switch {
		case x.Reasoning != nil:
			as = asReasoning
		case x.Text == "" && x.Citation.Kind() != '{':
			return nil
		}
		var err error
		if b, err = d.opened(index, as); err != nil {
			return err
		}
		if as == asText {
			d.begins(b, llm.Text{})
		}
	}
	switch {
	case b.as == asText && x.Text != "":
		d.emit(llm.TextDelta{Index: b.part, Text: x.Text})
	case b.as == asText && x.Citation.Kind() == '{':
		d.emit(llm.CitationDelta{Index: b.part, Citation: citationOf(x.Citation)})
	case b.as == asReasoning && x.Reasoning != nil:
		return d.reason(b, x)
	case b.as == asOpaque:
		return b.keep(scan.Member(scan.Sound(payload), "delta"))
	case x.ToolUse != nil && x.ToolUse.Input != "":
		return d.input(b, x.ToolUse.Input)
	}
	return nil
}

// reason takes a piece of reasoning. A part for it begins with its first text: a
// redacted one has none, and is whole at its start.
func (d *decoder) reason(b *incoming, x *delta) error {
	r := x.Reasoning
	if r.Text != "" {
		if b.part < 0 {
			d.begins(b, llm.Reasoning{})
		}
		d.emit(llm.ReasoningDelta{Index: b.part, Text: r.Text})
	}
	if b.held.Len()+len(r.Signature)+b.size+len(r.Redacted) > maxHeld {
		return llm.Errorf(llm.KindUpstream, "what goes back with reasoning is larger than %d bytes", maxHeld)
	}
	b.held.WriteString(r.Signature)
	if r.Redacted != "" {
		b.size += len(r.Redacted)
		b.blobs = append(b.blobs, r.Redacted)
	}
	return nil
}

// keep takes a delta of a block that is kept as it came.
func (b *incoming) keep(raw jsontext.Value) error {
	if b.held.Len()+len(raw) > maxHeld {
		return llm.Errorf(llm.KindUpstream, "a block is larger than %d bytes", maxHeld)
	}
	if b.held.Len() > 0 {
		b.held.WriteByte(',')
	}
	b.held.Write(raw)
	return nil
}

// whole is a block that was kept: how it began, and its deltas.
func (b *incoming) whole() jsontext.Value {
	return jsontext.Value(`{"start":` + string(b.raw) + `,"deltas":[` + b.held.String() + `]}`)
}

// input takes a fragment of a call's input.
func (d *decoder) input(b *incoming, fragment string) error {
	b.fed = true
	switch b.as {
	case asCall:
		d.emit(llm.ArgumentsDelta{Index: b.part, Arguments: fragment})
	case asAnswer:
		d.emit(llm.TextDelta{Index: b.part, Text: fragment})
	case asCustom:
		if b.held.Len()+len(fragment) > maxHeld {
			return llm.Errorf(llm.KindUpstream, "the input of a tool is larger than %d bytes", maxHeld)
		}
		b.held.WriteString(fragment)
	}
	return nil
}

// stop ends a block; one that isn't open needs no end.
func (d *decoder) stop(index int) {
	i := slices.IndexFunc(d.open, func(b *incoming) bool { return b.block == index })
	if i < 0 {
		return
	}
	b := d.open[i]
	d.open = slices.Delete(d.open, i, i+1)
	switch b.as {
	case asCall:
		if !b.fed {
			d.emit(llm.ArgumentsDelta{Index: b.part, Arguments: "{}"})
		}
	case asAnswer:
		if !b.fed {
			d.emit(llm.TextDelta{Index: b.part, Text: "{}"})
		}
	case asCustom:
		if s := wire.FreeText(b.held.String()); s != "" {
			d.emit(llm.ArgumentsDelta{Index: b.part, Arguments: s})
		}
	case asReasoning:
		blob := d.blob(b)
		switch {
		case b.part >= 0 && blob != nil:
			d.emit(llm.BlobDelta{Index: b.part, Blob: *blob})
		case b.part < 0 && blob != nil && blob.Kind != llm.BlobPlain:
			d.begins(b, llm.Reasoning{Blob: blob})
		}
	case asOpaque:
		d.begins(b, llm.Opaque{Format: llm.FormatConverse, Type: kindOf(b.raw), Raw: b.whole()})
	}
	if b.part >= 0 {
		d.emit(llm.PartEnd{Index: b.part})
	}
}

// blob is what goes back with a reasoning block that has ended.
func (d *decoder) blob(b *incoming) *llm.Blob {
	switch {
	case b.held.Len() > 0:
		return &llm.Blob{Kind: llm.BlobSignature, Data: b.held.String(), Origin: d.t.Origin}
	case len(b.blobs) > 0:
		return &llm.Blob{Kind: llm.BlobRedacted, Data: joined(b.blobs), Origin: d.t.Origin}
	}
	return unsigned(d.t)
}

// joined is one blob in base64 for those that came in pieces, each in base64 of
// its own.
func joined(pieces []string) string {
	if len(pieces) == 1 {
		return pieces[0]
	}
	var whole []byte
	for _, p := range pieces {
		var err error
		if whole, err = base64.StdEncoding.AppendDecode(whole, []byte(p)); err != nil {
			return strings.Join(pieces, "")
		}
	}
	return base64.StdEncoding.EncodeToString(whole)
}

// closeAll ends what a provider left open.
func (d *decoder) closeAll() {
	for len(d.open) > 0 {
		d.stop(d.open[0].block)
	}
}
