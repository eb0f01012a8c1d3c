package chat

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// maxParts and maxChoices bound what a provider can make us hold.
const (
	maxParts   = 4096
	maxChoices = 128
)

// DecodeStream reads a streamed answer.
func (Format) DecodeStream(r io.Reader, t wire.Target) llm.Stream {
	return llm.Bounded(func(yield func(llm.Event, error) bool) {
		events := sse.NewReader(r)
		defer events.Close()
		d := &decoder{t: t, yield: yield}
		for {
			ev, err := events.Next()
			if err != nil {
				d.end(err)
				return
			}
			if ev.Comment || len(ev.Data) == 0 {
				continue
			}
			if string(ev.Data) == "[DONE]" {
				d.settle()
				d.end(io.EOF)
				return
			}
			if err := d.chunk(ev.Data); err != nil {
				d.fail(err)
			}
			if d.stopped {
				return
			}
		}
	})
}

// decoder turns chunks into events.
type decoder struct {
	t       wire.Target
	yield   func(llm.Event, error) bool
	stopped bool // nobody listens any more, or an error was told
	started bool
	id      string // the answer's
	held    int    // bytes of arguments that waited, of all calls
	choices []*decoding
}

// decoding is what is known of one choice.
type decoding struct {
	index    int
	parts    int
	open     int // the open text, reasoning or refusal part; -1 when there is none
	openKind byte
	calls    []*decodingCall
	details  detailList
	thought  bool // unsigned reasoning came
	said     bool // text came
	refused  bool // a refusal in words came
	finished bool
	inline   inline
}

// decodingCall is a tool call; it is opened once its name is known.
type decodingCall struct {
	wireIndex int
	id, name  string
	part      int // -1 until opened
	pending   strings.Builder
	custom    bool
	wrapped   bool // free text in a function's arguments, which must be whole to be read
}

func (d *decoder) send(e llm.Event) {
	if !d.stopped && !d.yield(e, nil) {
		d.stopped = true
	}
}

func (d *decoder) fail(err error) {
	if !d.stopped {
		d.stopped = true
		d.yield(nil, err)
	}
}

// settle finishes the choices that end in calls without a word for why, as xAI's
// at times do: the terminator says that nothing more comes.
func (d *decoder) settle() {
	for _, c := range d.choices {
		if !c.finished && c.called() {
			d.finish(c, "")
		}
	}
}

// called says whether a tool was called by its name.
func (c *decoding) called() bool {
	return slices.ContainsFunc(c.calls, func(k *decodingCall) bool { return k.part >= 0 })
}

// end ends the stream: well when every choice has finished.
func (d *decoder) end(err error) {
	if !errors.Is(err, io.EOF) {
		d.fail(sse.Broken(err))
		return
	}
	whole := len(d.choices) > 0
	for _, c := range d.choices {
		whole = whole && c.finished
	}
	if !whole {
		d.fail(sse.Broken(io.EOF))
	}
}

func (d *decoder) chunk(data []byte) error {
	if c := d.talking(); c != nil {
		if text, ok := nextWords(data); ok {
			d.send(llm.TextDelta{Choice: c.index, Index: c.open, Text: text})
			return nil
		}
	}
	var in answer
	if err := scan.Read(data, &in); err != nil {
		return llm.Errorf(llm.KindUpstream, "a chunk of the stream can't be read: %w", err)
	}
	if e := in.failure(); e != nil {
		return e
	}
	if !d.started {
		d.started, d.id = true, in.ID
		d.send(llm.Start{ID: in.ID, Model: in.Model, Created: wire.UnixTime(in.Created), ServiceTier: in.ServiceTier})
	}
	for i := range in.Choices {
		if err := d.choice(&in.Choices[i]); err != nil {
			return err
		}
	}
	if u := in.anyUsage(); u != nil {
		n := u.neutral(d.t.ReasoningOnTop)
		n.ServiceTier = in.ServiceTier
		d.send(llm.UsageUpdate{Usage: n})
	}
	return nil
}

// talking returns the first choice when its text is what is being told.
func (d *decoder) talking() *decoding {
	if len(d.choices) == 0 {
		return nil
	}
	if c := d.choices[0]; c.open >= 0 && c.openKind == 't' && !c.finished {
		return c
	}
	return nil
}

func (d *decoder) choice(in *choice) error {
	if e := errorIn(in.Error, 0); e != nil {
		return e
	}
	if in.Index < 0 || in.Index >= maxChoices {
		return llm.Errorf(llm.KindUpstream, "a chunk names choice %d, which nobody asked for", in.Index)
	}
	for len(d.choices) <= in.Index {
		d.choices = append(d.choices, &decoding{index: len(d.choices), open: -1})
	}
	c := d.choices[in.Index]
	m := in.Delta
	if m == nil {
		m = in.Message // some servers send the last chunk whole
	}
	if m != nil && !c.finished {
		if err := d.delta(c, m, in.Logprobs); err != nil {
			return err
		}
	}
	if in.FinishReason != "" && !c.finished {
		d.finish(c, in.FinishReason)
	}
	return nil
}

func (d *decoder) delta(c *decoding, m *message, lp *logprobs) error {
	if r := reasoningOf(m, d.t.Origin); r != nil {
		d.think(c, r.Text)
		if r.Blob.Kind == llm.BlobDetails {
			if r.Text == "" {
				d.talk(c, 'r', llm.Reasoning{})
			}
			c.details.add(m.ReasoningDetails)
		}
	}
	parts, err := contentParts(m.Content)
	if err != nil {
		return llm.Errorf(llm.KindUpstream, "a chunk of the stream: %w", err)
	}
	for _, p := range parts {
		switch p := p.(type) {
		case llm.Reasoning:
			d.think(c, p.Text)
		case llm.Text:
			text := p.Text
			if d.t.InlineThinking {
				var reasoning string
				reasoning, text = c.inline.add(text)
				d.think(c, reasoning)
			}
			d.say(c, text, lp)
		}
	}
	for _, cit := range citationsOf(m.Annotations) {
		d.talk(c, 't', llm.Text{})
		d.send(llm.CitationDelta{Choice: c.index, Index: c.open, Citation: cit})
	}
	if m.Refusal != "" {
		c.refused = true
		d.talk(c, 'f', llm.Refusal{})
		d.send(llm.TextDelta{Choice: c.index, Index: c.open, Text: m.Refusal})
	}
	for _, call := range m.ToolCalls {
		if err := d.call(c, call); err != nil {
			return err
		}
	}
	if f := m.FunctionCall; f != nil {
		zero := 0
		call := toolCall{Index: &zero, Function: f}
		if f.Name != "" {
			call.ID = legacyID(f.Name)
		}
		return d.call(c, call)
	}
	return nil
}

// think tells reasoning.
func (d *decoder) think(c *decoding, text string) {
	if text == "" {
		return
	}
	d.talk(c, 'r', llm.Reasoning{})
	d.send(llm.ReasoningDelta{Choice: c.index, Index: c.open, Text: text})
	c.thought = true
}

// say tells text.
func (d *decoder) say(c *decoding, text string, lp *logprobs) {
	if text == "" {
		return
	}
	d.talk(c, 't', llm.Text{})
	delta := llm.TextDelta{Choice: c.index, Index: c.open, Text: text}
	if lp != nil {
		delta.Logprobs = neutralLogprobs(lp.Content)
	}
	d.send(delta)
}

// talk makes a part of this kind the open one.
func (d *decoder) talk(c *decoding, kind byte, p llm.Part) {
	if c.open >= 0 && c.openKind == kind {
		return
	}
	d.hush(c)
	c.said, c.refused = c.said || kind == 't', c.refused || kind == 'f'
	c.open, c.openKind = c.parts, kind
	c.parts++
	d.send(llm.PartStart{Choice: c.index, Index: c.open, Part: p})
}

// hush closes the open part.
func (d *decoder) hush(c *decoding) {
	if c.open < 0 {
		return
	}
	if c.openKind == 'r' {
		if blob, ok := c.blob(d.t); ok {
			d.send(llm.BlobDelta{Choice: c.index, Index: c.open, Blob: blob})
		}
	}
	d.send(llm.PartEnd{Choice: c.index, Index: c.open})
	c.open = -1
}

// blob is what must go back with the reasoning that ends now.
func (c *decoding) blob(t wire.Target) (llm.Blob, bool) {
	if data := c.details.take(); data != "" {
		return llm.Blob{Kind: llm.BlobDetails, Data: data, Origin: t.Origin}, true
	}
	if c.thought {
		c.thought = false
		return llm.Blob{Kind: llm.BlobPlain, Origin: t.Origin}, true
	}
	return llm.Blob{}, false
}

// call takes a delta of a tool call. Servers that leave out the index send whole
// calls, or tell them apart by their ids.
func (d *decoder) call(c *decoding, in toolCall) error {
	k := c.find(in)
	if k == nil {
		if c.parts >= maxParts || len(c.calls) >= maxParts {
			return llm.Errorf(llm.KindUpstream, "the answer holds more than %d parts", maxParts)
		}
		k = &decodingCall{wireIndex: len(c.calls), part: -1}
		if in.Index != nil {
			k.wireIndex = *in.Index
		}
		c.calls = append(c.calls, k)
	}
	if k.id == "" {
		k.id = in.ID
	}
	var args string
	switch {
	case in.Custom != nil:
		k.custom = true
		if k.name == "" {
			k.name = in.Custom.Name
		}
		args = in.Custom.Input
	case in.Function != nil:
		if k.part < 0 && in.Function.Name != "" {
			k.name = in.Function.Name
		}
		args = argumentsOf(in.Function.Arguments)
	}
	if k.part < 0 || k.wrapped {
		if d.held += len(args); d.held > llm.MaxAnswer {
			return llm.Errorf(llm.KindUpstream, "the arguments of calls are larger than %d bytes", llm.MaxAnswer)
		}
		k.pending.WriteString(args)
		args = ""
		if k.name == "" {
			return nil
		}
	}
	if k.part < 0 {
		d.open(c, k)
	}
	if args != "" {
		d.send(llm.ArgumentsDelta{Choice: c.index, Index: k.part, Arguments: args})
	}
	return nil
}

func (d *decoder) open(c *decoding, k *decodingCall) {
	d.hush(c)
	name, wrapped := d.t.Names.Called(k.name)
	if wrapped {
		k.custom, k.wrapped = true, true
	}
	if k.id == "" {
		k.id = wire.InventedID(d.id, c.index, len(c.calls)-1)
	}
	k.part = c.parts
	c.parts++
	d.send(llm.PartStart{Choice: c.index, Index: k.part, Part: llm.ToolCall{ID: k.id, Name: name, Custom: k.custom}})
	if args := k.pending.String(); args != "" && !k.wrapped {
		d.send(llm.ArgumentsDelta{Choice: c.index, Index: k.part, Arguments: args})
		k.pending.Reset()
	}
}

func (c *decoding) find(in toolCall) *decodingCall {
	for i := len(c.calls) - 1; i >= 0; i-- {
		k := c.calls[i]
		other := in.ID != "" && k.id != "" && in.ID != k.id
		switch {
		case in.Index != nil && *in.Index == k.wireIndex:
			if other {
				continue // one index for every call: the id tells
			}
			return k
		case in.Index == nil && !other && (in.ID != "" || in.Function == nil || in.Function.Name == ""):
			return k
		}
	}
	return nil
}

func (d *decoder) finish(c *decoding, raw string) {
	reasoning, text := c.inline.end()
	d.think(c, reasoning)
	d.say(c, text, nil)
	d.hush(c)
	for _, k := range c.calls {
		if k.part < 0 {
			continue // never named: nothing that could be called
		}
		if k.wrapped {
			d.send(llm.ArgumentsDelta{Choice: c.index, Index: k.part, Arguments: wire.FreeText(k.pending.String())})
		}
		d.send(llm.PartEnd{Choice: c.index, Index: k.part})
	}
	c.finished = true
	d.send(ended(finishOf(c.index, raw), c.called(), c.refused && !c.said))
}
