package gemini

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// maxCandidates bounds what a wild index can make us allocate.
const maxCandidates = 128

// decoder turns chunks into events; a whole answer is one chunk. The ends of
// candidates are held back until nothing more can come, since some servers repeat
// the finish reason in every chunk.
type decoder struct {
	t       wire.Target
	emit    func(llm.Event) bool
	started bool
	left    bool   // nobody wants more events
	base    string // of the ids made for calls
	choices []*building
}

// building is a candidate as far as it has come.
type building struct {
	parts  int
	open   kind
	signed bool // the open part has its signature: nothing may be added to it
	text   strings.Builder
	calls  int
	finish *llm.Finish
}

type kind uint8

const (
	inNothing kind = iota
	inText
	inThought
)

func (d *decoder) send(e llm.Event) {
	if !d.left && !d.emit(e) {
		d.left = true
	}
}

// add takes the next chunk.
func (d *decoder) add(raw []byte) *llm.Error {
	if b := d.talking(); b != nil {
		if s, ok := nextWords(raw); ok {
			d.piece(0, b, inText, s.text, nil, nil)
			if !s.usage.empty() {
				d.send(llm.UsageUpdate{Usage: s.usage.neutral()})
			}
			return nil
		}
	}
	var a answer
	if err := scan.Read(raw, &a, reading); err != nil {
		return llm.Errorf(llm.KindUpstream, "the provider's answer can't be read: %w", err)
	}
	if e := errorIn(a.Error, 0); e != nil {
		return e
	}
	if !d.started {
		d.started = true
		s := llm.Start{ID: a.ResponseID, Model: a.ModelVersion}
		if at, err := time.Parse(time.RFC3339Nano, a.CreateTime); err == nil {
			s.Created = at
		}
		d.send(s)
	}
	if d.base == "" && a.ResponseID != "" {
		d.base = idBase(a.ResponseID)
	}
	for i := range a.Candidates {
		if err := d.candidate(&a.Candidates[i]); err != nil {
			return llm.Errorf(llm.KindUpstream, "the provider's answer can't be read: %w", err)
		}
	}
	if p := a.PromptFeedback; p != nil && p.BlockReason != "" && len(a.Candidates) == 0 {
		f := blocked(p)
		d.choice(0).finish = &f
	}
	if !a.Usage.empty() {
		d.send(llm.UsageUpdate{Usage: a.Usage.neutral()})
	}
	return nil
}

// talking returns the first candidate when its text is what is being told, and
// the answer's id is known.
func (d *decoder) talking() *building {
	if d.base == "" || len(d.choices) == 0 {
		return nil
	}
	if b := d.choices[0]; b != nil && b.open == inText && !b.signed {
		return b
	}
	return nil
}

func (d *decoder) choice(i int) *building {
	for len(d.choices) <= i {
		d.choices = append(d.choices, nil)
	}
	if d.choices[i] == nil {
		d.choices[i] = &building{}
	}
	return d.choices[i]
}

func (d *decoder) candidate(c *candidate) error {
	if c.Index < 0 || c.Index >= maxCandidates {
		return nil
	}
	i := int(c.Index)
	b := d.choice(i)
	probs := c.Logprobs.neutral()
	if c.Content != nil {
		for _, raw := range c.Content.Parts {
			parts, err := partsOf(raw, d.t.Origin)
			if err != nil {
				return err
			}
			for _, p := range parts {
				if t, ok := p.(llm.Text); ok && len(probs) > 0 && t.Text != "" {
					t.Logprobs, probs = probs, nil
					p = t
				}
				d.part(i, b, p, raw)
			}
		}
	}
	if c.Grounding != nil && b.open == inText {
		for _, cite := range c.Grounding.citations(b.text.String()) {
			d.send(llm.CitationDelta{Choice: i, Index: b.parts - 1, Citation: cite})
		}
	}
	if c.FinishReason != "" && c.FinishReason != "FINISH_REASON_UNSPECIFIED" {
		f := finishOf(i, c.FinishReason, c.FinishMessage, b.calls > 0)
		b.finish = &f
	}
	return nil
}

// part tells one part: pieces of text and of thoughts continue the open part of
// their kind, all others stand alone.
func (d *decoder) part(i int, b *building, p llm.Part, raw jsontext.Value) {
	switch p := p.(type) {
	case llm.Text:
		d.piece(i, b, inText, p.Text, p.Blob, p.Logprobs)
	case llm.Reasoning:
		d.piece(i, b, inThought, p.Text, p.Blob, nil)
	case llm.ToolCall:
		if p.Name == "" {
			return // a piece of a call whose arguments are streamed, which we never ask for
		}
		d.close(i, b)
		if p.ID == "" {
			p.ID = d.callID(i, b.calls)
		}
		b.calls++
		name, custom := d.t.Names.Called(p.Name)
		if custom {
			p.Arguments = wire.FreeText(p.Arguments)
		}
		at := d.open(i, b, inNothing, llm.ToolCall{ID: p.ID, Name: name, Custom: custom})
		d.send(llm.ArgumentsDelta{Choice: i, Index: at, Arguments: p.Arguments})
		if p.Blob != nil {
			d.send(llm.BlobDelta{Choice: i, Index: at, Blob: *p.Blob})
		}
		d.send(llm.PartEnd{Choice: i, Index: at})
	case llm.ToolResult:
		d.alone(i, b, llm.Opaque{Format: llm.FormatGemini, Type: "functionResponse", Raw: raw})
	default:
		d.alone(i, b, p)
	}
}

func (d *decoder) alone(i int, b *building, p llm.Part) {
	d.close(i, b)
	at := d.open(i, b, inNothing, p)
	d.send(llm.PartEnd{Choice: i, Index: at})
}

// piece adds to the open part of kind k, or opens one. A signature that comes
// with an empty text is that of the text before it.
func (d *decoder) piece(i int, b *building, k kind, s string, blob *llm.Blob, probs []llm.TokenLogprob) {
	if s == "" && blob == nil {
		return
	}
	if b.open != k || b.signed {
		d.close(i, b)
		if k == inText {
			d.open(i, b, inText, llm.Text{})
		} else {
			d.open(i, b, inThought, llm.Reasoning{Summary: true})
		}
	}
	at := b.parts - 1
	switch {
	case s == "":
	case k == inText:
		if b.text.Len() < llm.MaxAnswer {
			b.text.WriteString(s)
		}
		d.send(llm.TextDelta{Choice: i, Index: at, Text: s, Logprobs: probs})
	default:
		d.send(llm.ReasoningDelta{Choice: i, Index: at, Text: s})
	}
	if blob != nil {
		b.signed = true
		d.send(llm.BlobDelta{Choice: i, Index: at, Blob: *blob})
	}
}

func (d *decoder) open(i int, b *building, k kind, p llm.Part) int {
	b.open, b.signed = k, false
	b.text.Reset()
	b.parts++
	d.send(llm.PartStart{Choice: i, Index: b.parts - 1, Part: p})
	return b.parts - 1
}

func (d *decoder) close(i int, b *building) {
	if b.open != inNothing {
		d.send(llm.PartEnd{Choice: i, Index: b.parts - 1})
		b.open = inNothing
	}
}

// callID makes an id for a call that came without: no two answers share one.
func (d *decoder) callID(choice, n int) string {
	if d.base == "" {
		d.base = idBase(rand.Text())
	}
	if choice > 0 {
		return fmt.Sprintf("%s_%d_%d", d.base, choice, n)
	}
	return fmt.Sprintf("%s_%d", d.base, n)
}

func idBase(answer string) string {
	sum := sha256.Sum256([]byte(answer))
	return "call_" + hex.EncodeToString(sum[:8])
}

// complete says that every candidate has said its end.
func (d *decoder) complete() bool {
	n := 0
	for _, b := range d.choices {
		if b == nil {
			continue
		}
		if b.finish == nil {
			return false
		}
		n++
	}
	return n > 0
}

// end closes what is open and tells the ends.
func (d *decoder) end() {
	for i, b := range d.choices {
		if b != nil {
			d.close(i, b)
		}
	}
	for _, b := range d.choices {
		if b != nil && b.finish != nil {
			d.send(*b.finish)
		}
	}
}

// event takes the data of a server-sent event: a chunk, or a list around one, as
// errors come in. A terminator in other formats' way says nothing.
func (d *decoder) event(data []byte) *llm.Error {
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return nil
	case data[0] != '[':
		return d.add(data)
	}
	if string(data) == "[DONE]" {
		return nil
	}
	chunks := scan.NewArray(scan.Sound(data))
	for chunks.Next() {
		raw, _ := chunks.Value()
		if e := d.add(raw); e != nil {
			return e
		}
	}
	if err := chunks.Err(); err != nil {
		return llm.Errorf(llm.KindUpstream, "the provider's answer can't be read: %w", err)
	}
	return nil
}

// DecodeStream reads a streamed answer.
func (Format) DecodeStream(r io.Reader, t wire.Target) llm.Stream {
	return llm.Bounded(func(yield func(llm.Event, error) bool) {
		events := sse.NewReader(r)
		defer events.Close()
		d := decoder{t: t, emit: func(e llm.Event) bool { return yield(e, nil) }}
		var cause error
		for !d.left {
			ev, err := events.Next()
			if err != nil {
				cause = err
				break
			}
			if e := d.event(ev.Data); e != nil {
				if !d.left {
					yield(nil, e)
				}
				return
			}
		}
		switch {
		case d.left:
		case d.complete():
			d.end()
		default:
			yield(nil, sse.Broken(cause))
		}
	})
}

// whole reads an answer in one piece: an object, or the array of chunks that a
// stream without alt=sse is.
func (d *decoder) whole(body []byte) *llm.Error {
	if jsontext.Value(body).Kind() != '[' {
		if e := d.add(body); e != nil {
			return e
		}
		if len(d.choices) == 0 {
			return llm.Errorf(llm.KindUpstream, "the provider's answer holds no candidate")
		}
		for i, b := range d.choices {
			if b != nil && b.finish == nil {
				f := finishOf(i, "STOP", "", b.calls > 0)
				f.Raw = ""
				b.finish = &f
			}
		}
		d.end()
		return nil
	}
	chunks := scan.NewArray(scan.Sound(body))
	for chunks.Next() {
		raw, _ := chunks.Value()
		if e := d.add(raw); e != nil {
			return e
		}
	}
	if !d.complete() {
		return llm.Errorf(llm.KindTruncated, "the streamed array ended before the answer did")
	}
	d.end()
	return nil
}

// DecodeAnswer reads a whole answer. It also takes the array that a stream is
// without alt=sse.
func (Format) DecodeAnswer(body []byte, t wire.Target) (*llm.Answer, error) {
	var c llm.Collector
	d := decoder{t: t, emit: func(e llm.Event) bool { c.Add(e); return true }}
	if e := d.whole(body); e != nil {
		return nil, e
	}
	return c.Answer(), nil
}

func (l *logprobs) neutral() []llm.TokenLogprob {
	if l == nil {
		return nil
	}
	out := make([]llm.TokenLogprob, 0, len(l.Chosen))
	for i, c := range l.Chosen {
		t := llm.TokenLogprob{Token: c.Token, Logprob: c.Logprob, Bytes: []byte(c.Token)}
		if i < len(l.Top) {
			for _, o := range l.Top[i].Candidates {
				t.Top = append(t.Top, llm.TokenLogprob{Token: o.Token, Logprob: o.Logprob, Bytes: []byte(o.Token)})
			}
		}
		out = append(out, t)
	}
	return out
}
