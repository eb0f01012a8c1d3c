package responses

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// value is the item as the answer holds it.
func (it *openItem) value() any {
	if it.raw != nil {
		return it.raw
	}
	return it.out
}

// start opens a part: in the message that is open at the end of the output, or
// in an item of its own.
func (s *stream) start(index int, p llm.Part) {
	if s.parts[index] != nil || index < 0 {
		return
	}
	s.open()
	op := &openPart{part: p}
	switch p := p.(type) {
	case llm.Text, llm.Refusal:
		s.startSpoken(op)
	case llm.Reasoning:
		s.settle()
		op.part = llm.Reasoning{ID: p.ID, Blob: p.Blob}
		it := shownReasoning(llm.Reasoning{ID: p.ID}, s.resp.ID, len(s.items))
		op.item = s.add(&openItem{out: it})
	case llm.ToolCall:
		s.settle()
		op.part = llm.ToolCall{ID: p.ID, Name: p.Name, Custom: p.Custom}
		it := shownCall(p, s.resp.ID, len(s.items))
		empty := ""
		it.Status = "in_progress"
		if p.Custom {
			it.Input = &empty
		} else {
			it.Arguments = &empty
		}
		op.item = s.add(&openItem{out: it})
	default:
		s.whole(p)
		return
	}
	op.item.parts++
	s.parts[index] = op
	switch p := p.(type) {
	case llm.Text:
		s.textDelta(op, p.Text, p.Logprobs)
		for _, c := range p.Citations {
			s.citation(op, c)
		}
	case llm.Refusal:
		s.textDelta(op, p.Text, nil)
	case llm.Reasoning:
		s.reasoningDelta(op, p.Text)
	case llm.ToolCall:
		s.argumentsDelta(op, p.Arguments)
	}
}

// add puts an item at the end of the output.
func (s *stream) add(it *openItem) *openItem {
	it.index = len(s.items)
	s.items = append(s.items, it)
	s.emit(outEvent{Type: "response.output_item.added", OutputIndex: &it.index, Item: it.value()})
	return it
}

// whole writes an item that comes in one piece; what has no word is left out.
func (s *stream) whole(p llm.Part) {
	var it *openItem
	switch v := answerItem(p, s.resp.ID, len(s.items)).(type) {
	case *outItem:
		it = &openItem{out: *v}
	case jsontext.Value:
		it = &openItem{raw: v}
	default:
		return
	}
	s.settle()
	s.add(it)
	s.done(it)
}

func (s *stream) done(it *openItem) {
	it.closed = true
	s.emit(outEvent{Type: "response.output_item.done", OutputIndex: &it.index, Item: it.value()})
}

// last is the item at the end of the output.
func (s *stream) last() *openItem {
	if len(s.items) == 0 {
		return nil
	}
	return s.items[len(s.items)-1]
}

// settle closes the message at the end of the output, or sees to it that it is
// closed with its last part, since nothing is added to it any more.
func (s *stream) settle() {
	it := s.last()
	if it == nil || !it.message {
		return
	}
	it.message = false
	if it.parts == 0 && !it.closed {
		s.closeMessage(it)
	}
}

func (s *stream) closeMessage(it *openItem) {
	it.out.Status = "completed"
	if s.finished && it == s.last() {
		it.out.Status = s.statusAtEnd()
	}
	s.done(it)
}

// statusAtEnd is the status of what the answer ended in.
func (s *stream) statusAtEnd() string {
	r := outResponse{}
	r.end(s.finish, s.refused(), llm.Usage{}, "")
	return r.itemStatus()
}

func (s *stream) startSpoken(op *openPart) {
	it := s.last()
	if it == nil || !it.message {
		id := itemID("", "msg_", s.resp.ID, len(s.items))
		it = s.add(&openItem{message: true, out: outItem{ID: id, Type: "message", Status: "in_progress", Role: "assistant", Content: []any{}}})
	}
	op.item, op.content = it, len(it.out.Content)
	var empty any = outRefusal{Type: "refusal"}
	if _, ok := op.part.(llm.Text); ok {
		empty = outSpoken{Type: "output_text", Annotations: []any{}, Logprobs: []outLogprob{}}
	}
	it.out.Content = append(it.out.Content, empty)
	s.emit(op.event("response.content_part.added", func(e *outEvent) { e.Part = empty }))
}

// event makes an event about a part.
func (p *openPart) event(name string, fill func(*outEvent)) outEvent {
	e := outEvent{Type: name, ItemID: p.item.out.ID, OutputIndex: &p.item.index}
	switch p.part.(type) {
	case llm.Text, llm.Refusal:
		e.ContentIndex = &p.content
	case llm.Reasoning:
		e.SummaryIndex = new(int)
	}
	fill(&e)
	return e
}

func (s *stream) textDelta(p *openPart, text string, probs []llm.TokenLogprob) {
	if text == "" && len(probs) == 0 {
		return
	}
	p.text.WriteString(text)
	switch p.part.(type) {
	case llm.Text:
		if len(probs) == 0 {
			s.again(p, "response.output_text.delta", text, func(e *outEvent, t *string) { e.Delta, e.Logprobs = t, logprobs(nil) })
			return
		}
		list := logprobs(probs)
		p.probs = append(p.probs, list...)
		s.emit(p.event("response.output_text.delta", func(e *outEvent) { e.Delta, e.Logprobs = &text, list }))
	case llm.Refusal:
		s.emit(p.event("response.refusal.delta", func(e *outEvent) { e.Delta = &text }))
	}
}

func (s *stream) reasoningDelta(p *openPart, text string) {
	if _, ok := p.part.(llm.Reasoning); !ok || text == "" {
		return
	}
	if !p.shown {
		p.shown = true
		s.emit(p.event("response.reasoning_summary_part.added", func(e *outEvent) { e.Part = outText{"summary_text", ""} }))
	}
	p.text.WriteString(text)
	s.again(p, "response.reasoning_summary_text.delta", text, func(e *outEvent, t *string) { e.Delta = t })
}

// again writes a delta that differs from others of its part in its number and
// its text alone.
func (s *stream) again(p *openPart, name, text string, fill func(*outEvent, *string)) {
	const first = `"sequence_number":`
	if p.delta == nil {
		mark, at, seq := wire.Mark, len(s.buf), s.seq
		e := p.event(name, func(e *outEvent) { fill(e, &mark) })
		s.append(e, name)
		p.delta = wire.Cut(s.buf[at:], first+"0", wire.QuotedMark)
		s.buf, s.seq = s.buf[:at], seq // nothing was said yet
		if p.delta == nil {
			return // it couldn't be written, which s.err says
		}
	}
	s.buf = append(append(s.buf, p.delta[0]...), first...)
	s.buf = append(strconv.AppendInt(s.buf, int64(s.seq), 10), p.delta[1]...)
	s.buf = append(scan.AppendQuote(s.buf, text), p.delta[2]...)
	s.seq++
}

func (s *stream) argumentsDelta(p *openPart, text string) {
	c, ok := p.part.(llm.ToolCall)
	if !ok || text == "" {
		return
	}
	p.text.WriteString(text)
	name := "response.function_call_arguments.delta"
	if c.Custom {
		name = "response.custom_tool_call_input.delta"
	}
	s.again(p, name, text, func(e *outEvent, t *string) { e.Delta = t })
}

func (s *stream) citation(p *openPart, c llm.Citation) {
	note := citation(c)
	if _, ok := p.part.(llm.Text); !ok || note == nil {
		return
	}
	n := len(p.notes)
	p.notes = append(p.notes, note)
	s.emit(p.event("response.output_text.annotation.added", func(e *outEvent) { e.AnnotationIndex, e.Annotation = &n, note }))
}

// endPart closes a part and, unless more can be added to it, its item.
func (s *stream) endPart(p *openPart) {
	it := p.item
	it.parts--
	switch part := p.part.(type) {
	case llm.Text:
		s.endText(p)
	case llm.Refusal:
		text := p.text.String()
		out := outRefusal{Type: "refusal", Refusal: text}
		it.out.Content[p.content] = out
		s.emit(p.event("response.refusal.done", func(e *outEvent) { e.Refusal = &text }))
		s.emit(p.event("response.content_part.done", func(e *outEvent) { e.Part = out }))
	case llm.Reasoning:
		part.Text = p.text.String()
		if p.shown {
			s.emit(p.event("response.reasoning_summary_text.done", func(e *outEvent) { e.Text = &part.Text }))
			s.emit(p.event("response.reasoning_summary_part.done", func(e *outEvent) { e.Part = outText{"summary_text", part.Text} }))
		}
		it.out = shownReasoning(part, s.resp.ID, it.index)
		s.done(it)
		return
	case llm.ToolCall:
		s.endCall(p, part)
		return
	}
	if it.parts == 0 && !it.message {
		s.closeMessage(it)
	}
}

func (s *stream) endText(p *openPart) {
	text := p.text.String()
	out := outSpoken{Type: "output_text", Text: text, Annotations: p.notes, Logprobs: p.probs}
	if out.Annotations == nil {
		out.Annotations = []any{}
	}
	if out.Logprobs == nil {
		out.Logprobs = []outLogprob{}
	}
	p.item.out.Content[p.content] = out
	s.emit(p.event("response.output_text.done", func(e *outEvent) { e.Text, e.Logprobs = &text, out.Logprobs }))
	s.emit(p.event("response.content_part.done", func(e *outEvent) { e.Part = out }))
}

func (s *stream) endCall(p *openPart, c llm.ToolCall) {
	if !c.Custom && strings.TrimSpace(p.text.String()) == "" {
		s.argumentsDelta(p, "{}")
	}
	it, text := p.item, p.text.String()
	it.out.Status = "completed"
	if c.Custom {
		it.out.Input = &text
		s.emit(p.event("response.custom_tool_call_input.done", func(e *outEvent) { e.Input = &text }))
	} else {
		it.out.Arguments = &text
		s.emit(p.event("response.function_call_arguments.done", func(e *outEvent) { e.Name, e.Arguments = it.out.Name, &text }))
	}
	s.done(it)
}
