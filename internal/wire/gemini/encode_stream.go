package gemini

import (
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// encoder writes a streamed answer as server-sent events or as one array. Parts
// go out in their order: what comes for a later part waits until those before it
// have ended, and a call waits until it is whole.
type encoder struct {
	w        io.Writer
	c        wire.Caller
	array    bool
	begun    bool
	start    llm.Start
	usage    llm.Usage
	choices  []*telling
	thoughts bool
	buf, raw []byte
}

// telling is a candidate as far as it has been told.
type telling struct {
	parts    []*piece
	head     int // the first part that hasn't ended
	sent     int // parts written
	cited    []citedText
	finish   *llm.Finish
	logprobs []llm.TokenLogprob // of text not yet written
	words    wire.Pieces        // a chunk of text, made when it is first needed
}

// piece is a part that is being told.
type piece struct {
	part  llm.Part
	text  strings.Builder // not yet written
	blob  *llm.Blob       // not yet written
	said  strings.Builder // of a text, for citations
	cites []llm.Citation
	at    int // of a text: its place among what was written
	ended bool
}

// NewStream starts a streamed answer.
func (Format) NewStream(w io.Writer, c wire.Caller) wire.StreamEncoder {
	return &encoder{w: w, c: c, array: wantsArray(c.Request), thoughts: showsThoughts(c.Request)}
}

// Write adds an event.
func (s *encoder) Write(e llm.Event) error {
	switch e := e.(type) {
	case llm.Start:
		s.start = e
	case llm.UsageUpdate:
		s.usage = e.Usage
	case llm.Finish:
		if t := s.choice(e.Choice); t != nil {
			t.finish = &e
		}
	case llm.PartStart:
		if t := s.choice(e.Choice); t != nil && e.Index == len(t.parts) {
			t.parts = append(t.parts, opened(e.Part))
			return s.advance(e.Choice, t)
		}
	case llm.TextDelta:
		if t := s.choice(e.Choice); t != nil && t.speaks(e) {
			return s.say(e.Choice, t, e.Text)
		}
		return s.to(e.Choice, e.Index, func(t *telling, p *piece) {
			p.text.WriteString(e.Text)
			t.logprobs = append(t.logprobs, e.Logprobs...)
		})
	case llm.ReasoningDelta:
		return s.to(e.Choice, e.Index, func(_ *telling, p *piece) { p.text.WriteString(e.Text) })
	case llm.ArgumentsDelta:
		return s.to(e.Choice, e.Index, func(_ *telling, p *piece) { p.text.WriteString(e.Arguments) })
	case llm.BlobDelta:
		return s.to(e.Choice, e.Index, func(_ *telling, p *piece) { p.blob = &e.Blob })
	case llm.CitationDelta:
		return s.to(e.Choice, e.Index, func(_ *telling, p *piece) {
			if len(p.cites) < maxCitations {
				p.cites = append(p.cites, e.Citation)
			}
		})
	case llm.PartEnd:
		return s.to(e.Choice, e.Index, func(_ *telling, p *piece) { p.ended = true })
	}
	return nil
}

func (s *encoder) choice(i int) *telling {
	if i < 0 || i >= maxCandidates {
		return nil
	}
	for len(s.choices) <= i {
		s.choices = append(s.choices, &telling{})
	}
	return s.choices[i]
}

// to gives an event to its part, unless that was never opened or has ended.
func (s *encoder) to(choice, index int, give func(*telling, *piece)) error {
	t := s.choice(choice)
	if t == nil || index < t.head || index >= len(t.parts) || t.parts[index].ended {
		return nil
	}
	give(t, t.parts[index])
	return s.advance(choice, t)
}

// speaks says whether a delta is nothing but the next words of the text that is
// being told.
func (t *telling) speaks(e llm.TextDelta) bool {
	if e.Index != t.head || t.head >= len(t.parts) || e.Text == "" || len(e.Logprobs) > 0 || len(t.logprobs) > 0 {
		return false
	}
	p := t.parts[t.head]
	_, text := p.part.(llm.Text)
	return text && !p.ended && p.blob == nil && p.text.Len() == 0
}

// say writes the next words as advance would.
func (s *encoder) say(choice int, t *telling, text string) error {
	if t.words == nil {
		raw, err := s.chunk(choice, t, []jsontext.Value{jsontext.Value(`{"text":` + wire.QuotedMark + `}`)})
		if err != nil {
			return err
		}
		t.words = wire.Cut(raw, wire.QuotedMark)
	}
	p := t.parts[t.head]
	if p.at < 0 {
		p.at = t.sent
	}
	p.said.WriteString(text)
	t.sent++
	s.raw = append(s.raw[:0], t.words[0]...)
	s.raw = append(scan.AppendQuote(s.raw, text), t.words[1]...)
	return s.put(s.raw, false)
}

// opened takes the text and the blob that a part may begin with out of it.
func opened(p llm.Part) *piece {
	out := &piece{at: -1}
	switch q := p.(type) {
	case llm.Text:
		out.text.WriteString(q.Text)
		out.blob, out.cites = q.Blob, q.Citations
		p = llm.Text{}
	case llm.Refusal:
		out.text.WriteString(q.Text)
		p = llm.Refusal{}
	case llm.Reasoning:
		out.text.WriteString(q.Text)
		out.blob = q.Blob
		p = llm.Reasoning{}
	case llm.ToolCall:
		out.text.WriteString(q.Arguments)
		out.blob, q.Arguments, q.Blob = q.Blob, "", nil
		p = q
	}
	out.part = p
	return out
}

// advance writes what can be written of a candidate, in one chunk.
func (s *encoder) advance(choice int, t *telling) error {
	parts := s.ready(t)
	if len(parts) == 0 {
		return nil
	}
	raw, err := s.chunk(choice, t, parts)
	if err != nil {
		return err
	}
	return s.put(raw, false)
}

// chunk is a chunk of a candidate's parts.
func (s *encoder) chunk(choice int, t *telling, parts []jsontext.Value) ([]byte, error) {
	out := head(s.start.ID, s.start.Model, s.c)
	out.Candidates = []candidate{{Content: &content{Role: "model", Parts: parts}, Index: whole(choice), Logprobs: withLogprobs(nil, t.logprobs)}}
	t.logprobs = nil
	raw, err := marshal(out)
	if err != nil {
		return nil, llm.Errorf(llm.KindUpstream, "the answer can't be written: %w", err)
	}
	return raw, nil
}

// ready takes what can be written of a candidate, up to and into the first part
// that hasn't ended.
func (s *encoder) ready(t *telling) (parts []jsontext.Value) {
	for t.head < len(t.parts) {
		p := t.parts[t.head]
		if raw, ok := s.next(p, t.sent); ok {
			parts = append(parts, raw)
			t.sent++
		}
		if !p.ended {
			break
		}
		if len(p.cites) > 0 {
			t.cited = append(t.cited, citedText{max(p.at, 0), p.said.String(), p.cites})
		}
		t.parts[t.head] = &piece{ended: true} // what it held is let go
		t.head++
	}
	return parts
}

// next writes what is there of the first part that hasn't ended; at is its place
// among the parts.
func (s *encoder) next(p *piece, at int) (jsontext.Value, bool) {
	said, blob := p.text.String(), p.blob
	var now llm.Part
	switch q := p.part.(type) {
	case llm.Text:
		if p.at < 0 {
			p.at = at
		}
		p.said.WriteString(said)
		now = llm.Text{Text: said, Blob: blob}
	case llm.Refusal:
		now = llm.Refusal{Text: said}
	case llm.Reasoning:
		now = llm.Reasoning{Text: said, Blob: blob}
	default:
		if !p.ended {
			return nil, false
		}
		now = q
		if c, ok := q.(llm.ToolCall); ok {
			c.Arguments, c.Blob = said, blob
			now = c
		}
	}
	p.text.Reset()
	p.blob = nil
	return shownPart(now, s.thoughts)
}

// put writes one chunk in one Write; last says that nothing follows it.
func (s *encoder) put(raw []byte, last bool) error {
	s.buf = s.buf[:0]
	switch {
	case !s.array:
		s.buf = sse.AppendData(s.buf, raw)
	case s.begun:
		s.buf = append(append(s.buf, ",\r\n"...), raw...)
	default:
		s.buf = append(append(s.buf, '['), raw...)
	}
	if s.array && last {
		s.buf = append(s.buf, ']')
	}
	s.begun = true
	_, err := s.w.Write(s.buf)
	return err
}

// Ping writes an empty line pair: the format's SDKs fail on comments, and in an
// array it is white space.
func (s *encoder) Ping() error {
	_, err := io.WriteString(s.w, "\n\n")
	return err
}

// Fail writes the error in the place of a chunk.
func (s *encoder) Fail(e *llm.Error) error {
	_, body := Format{}.EncodeError(e)
	return s.put(body, true)
}

// Close writes the last chunk, with the ends of the candidates and the usage. The
// format has no terminator beyond it.
func (s *encoder) Close() error {
	out := head(s.start.ID, s.start.Model, s.c)
	for i, t := range s.choices {
		if len(t.parts) == 0 && t.finish == nil {
			continue // nobody spoke of this one
		}
		for _, p := range t.parts {
			p.ended = true
		}
		last := candidate{Content: &content{Role: "model", Parts: s.ready(t)}, Index: whole(i)}
		if len(last.Content.Parts) == 0 {
			last.Content.Parts = []jsontext.Value{jsontext.Value(`{"text":""}`)}
		}
		if t.finish != nil {
			last.FinishReason, last.FinishMessage = finishWord(*t.finish), t.finish.Detail
		}
		last.Logprobs, last.Grounding = withLogprobs(nil, t.logprobs), groundingOf(t.cited)
		out.Candidates = append(out.Candidates, last)
	}
	out.Usage = usageOf(s.usage)
	raw, err := marshal(out)
	if err != nil {
		return llm.Errorf(llm.KindUpstream, "the answer can't be written: %w", err)
	}
	return s.put(raw, true)
}
