package sim

import (
	"fmt"
	"strings"
	"time"
)

// ending is why an answer ends.
type ending int

const (
	endDone ending = iota
	endStopped
	endLimit
	endCalls
	endRefused
)

// answer is what a model says, before a format gives it its shape.
type answer struct {
	prompt  *prompt
	id      string
	created int64
	turns   []turn // one for each variant asked for
	usage   *usage // nil when it isn't told
}

// turn is one variant of an answer. What is empty isn't there.
type turn struct {
	reasoning string
	seal      string // vouches for reasoning
	text      string
	refusal   string
	calls     []call
	end       ending
	stop      string // the sequence that ended it
}

// call is one use of a tool.
type call struct {
	id, name string
	input    string // JSON, or free text
	free     bool
}

// usage counts tokens; cached and written are parts of input, reasoning of
// output.
type usage struct {
	input, cached, written, output, reasoning int
	ticks                                     *int64 // what it costs, where the vendor tells that
}

// compose says what the model of p answers.
func (s *Server) compose(p *prompt) *answer {
	a := &answer{prompt: p, id: s.newID(24), created: time.Now().Unix()}
	u := &usage{input: p.tokens()}
	u.cached = u.input * p.script.cached / 100
	u.written = min(u.input*p.script.written/100, u.input-u.cached)
	if p.cacheable && p.script.cached+p.script.written == 0 {
		u.written = u.input
	}
	for i := range max(p.variants, 1) {
		t := s.say(p, i)
		a.turns = append(a.turns, t)
		u.reasoning += tokens(len(t.reasoning))
		u.output += tokens(len(t.reasoning)) + tokens(len(t.text)+len(t.refusal))
		for _, c := range t.calls {
			u.output += tokens(len(c.name) + len(c.input))
		}
	}
	if !p.script.noUsage {
		a.usage = u
	}
	return a
}

// say makes one variant of an answer.
func (s *Server) say(p *prompt, variant int) turn {
	w := writer{state: mix(s.seed^p.hash) ^ hashOf(p.model) ^ uint64(variant)}
	var t turn
	if p.script.empty {
		return t
	}
	if p.reasons {
		t.reasoning = strings.TrimSpace("First I think: " + w.text(48))
		t.seal = s.seal(p.model, t.reasoning)
	}
	if p.script.refuse {
		t.refusal, t.end = "I'm sorry, I can't help with that.", endRefused
		return t
	}
	if t.calls = s.use(p, &w); len(t.calls) > 0 {
		t.end = endCalls
		if p.script.mix {
			t.text = "I'll look that up. "
		}
		return t
	}
	if p.script.json || p.object && !p.script.prose {
		sample := sampler{root: p.schema, w: w}
		var v any = map[string]any{"answer": w.text(24)}
		if p.schema != nil {
			v = sample.value(p.schema, 0)
		}
		t.text = string(encode(v))
	} else {
		t.text = w.text(min(p.script.pieces*p.script.size, maxText))
	}
	t.finish(p)
	return t
}

// finish cuts the text of t where the request or the script wants it to end.
func (t *turn) finish(p *prompt) {
	if p.script.stop && len(p.stops) > 0 {
		t.end, t.stop = endStopped, p.stops[0]
	}
	for _, stop := range p.stops {
		if before, _, hit := strings.Cut(t.text, stop); hit && stop != "" {
			t.text, t.end, t.stop = before, endStopped, stop
		}
	}
	if left := p.limit - tokens(len(t.reasoning)); p.limit > 0 && tokens(len(t.text)) > left {
		t.text, t.end, t.stop = whole(t.text, max(left, 1)*4), endLimit, ""
	}
	if p.script.length {
		t.end, t.stop = endLimit, ""
	}
}

// use decides which tools are called.
func (s *Server) use(p *prompt, w *writer) []call {
	if len(p.tools) == 0 || p.choice == choiceNone {
		return nil
	}
	if p.choice != choiceAny && p.rounds >= p.script.tools {
		return nil
	}
	with := p.tools[0]
	for _, t := range p.tools {
		if t.name == p.forced {
			with = t
		}
	}
	n := p.script.parallel
	if p.single {
		n = 1
	}
	calls := make([]call, n)
	for i := range calls {
		if p.script.each && p.forced == "" {
			with = p.tools[i%len(p.tools)]
		}
		calls[i] = call{id: s.newCallID(p), name: with.name, free: with.free}
		switch {
		case with.free:
			calls[i].input = fmt.Sprintf("call %d: %s", i+1, w.text(24))
		case p.script.badArgs:
			calls[i].input = `{"broken":`
		case p.script.noArgs || with.schema == nil:
			calls[i].input = "{}"
		default:
			sample := sampler{root: with.schema, w: writer{state: mix(w.state + uint64(i))}}
			calls[i].input = string(encode(sample.value(with.schema, 0)))
		}
	}
	return calls
}
