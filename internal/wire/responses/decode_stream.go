package responses

import (
	"bytes"
	"io"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// DecodeStream reads a streamed answer.
func (Format) DecodeStream(body io.Reader, t wire.Target) llm.Stream {
	return llm.Bounded(func(yield func(llm.Event, error) bool) {
		r := sse.NewReader(body)
		defer r.Close()
		d := newDecoder(t)
		for {
			ev, err := r.Next()
			if err != nil {
				if !d.finished {
					yield(nil, sse.Broken(err))
				}
				return
			}
			if ev.Comment || d.finished {
				continue // read on: a connection that was read to its end is used again
			}
			e := d.take(eventType(ev.Name, ev.Data), string(ev.Name), ev.Data)
			for _, x := range d.drain() {
				if !yield(x, nil) {
					return
				}
			}
			if e != nil {
				yield(nil, e)
				return
			}
		}
	})
}

var (
	typeName    = []byte(`"type"`)
	errorPrefix = []byte(`{"error"`)
)

// eventType names an event without decoding it: by its SSE name, or by the first
// "type" among its fields that names an event. Inside of a text that word would
// stand with its quotes escaped.
func eventType(name, data []byte) string {
	if len(name) > 0 && string(name) != "message" {
		return string(name)
	}
	for rest := data; ; {
		i := bytes.Index(rest, typeName)
		if i < 0 {
			break
		}
		rest = rest[i+len(typeName):]
		v := bytes.TrimLeft(bytes.TrimPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(":")), " \t\r\n")
		if len(v) == 0 || v[0] != '"' {
			continue
		}
		end := bytes.IndexByte(v[1:], '"')
		if end < 0 {
			break
		}
		if word := v[1 : 1+end]; bytes.HasPrefix(word, []byte("response.")) || string(word) == "error" {
			return string(word)
		}
	}
	if bytes.HasPrefix(data, errorPrefix) {
		return "error"
	}
	return ""
}

// decoder turns events into neutral ones. It is what a stream is decoded with,
// and what a meter keeps parts with.
type decoder struct {
	t        wire.Target
	out      []llm.Event
	items    map[int]*inItem // by output index
	begun    bool
	finished bool
	next     int // the next neutral index
	seen     sight
	// silent is the reasoning that was added last and has said nothing yet: what
	// it says tells whether it is a summary, so it isn't open.
	silent *inItem
}

// inItem is an item of the output while it comes.
type inItem struct {
	id, typ string
	content map[int]*inPart // of a message
	own     *inPart         // of reasoning and calls
	done    bool
}

// inPart is a neutral part while it comes.
type inPart struct {
	index     int
	said      []byte // what has been told of its text
	citations int
	paragraph int // of reasoning: which one is being told
	summary   bool
	refusal   bool
	closed    bool
}

// maxItems bounds what a provider can make us hold by wild indexes.
const maxItems = 4096

func newDecoder(t wire.Target) *decoder { return &decoder{t: t, items: map[int]*inItem{}} }

func (d *decoder) emit(e llm.Event) { d.out = append(d.out, e) }

// drain returns the events that the last one became. They are valid until the
// next is taken.
func (d *decoder) drain() []llm.Event {
	out := d.out
	d.out = d.out[:0]
	return out
}

// handlers decode the events that tell something; all others are ignored.
var handlers = map[string]func(*decoder, *event) *llm.Error{
	"response.created":                       (*decoder).created,
	"response.in_progress":                   (*decoder).created,
	"response.output_item.added":             (*decoder).itemAdded,
	"response.output_item.done":              (*decoder).itemDone,
	"response.content_part.added":            (*decoder).partAdded,
	"response.content_part.done":             (*decoder).partDone,
	"response.output_text.delta":             (*decoder).textDelta,
	"response.output_text.annotation.added":  (*decoder).annotation,
	"response.refusal.delta":                 (*decoder).refusalDelta,
	"response.reasoning_summary_text.delta":  (*decoder).summaryDelta,
	"response.reasoning_text.delta":          (*decoder).reasoningDelta,
	"response.function_call_arguments.delta": (*decoder).argumentsDelta,
	"response.custom_tool_call_input.delta":  (*decoder).argumentsDelta,
	"response.completed":                     (*decoder).terminal,
	"response.incomplete":                    (*decoder).terminal,
	"response.failed":                        (*decoder).terminal,
	"response.cancelled":                     (*decoder).terminal,
}

// take decodes one event of a type; name is the one that it came under.
func (d *decoder) take(typ, name string, data []byte) *llm.Error {
	if typ == "error" {
		return errorEvent(data)
	}
	handle, known := handlers[typ]
	if !known {
		return wire.Malformed(name, data)
	}
	if typ == "response.output_text.delta" {
		if ev, ok := nextWords(data); ok {
			return d.textDelta(&ev)
		}
	}
	var ev event
	if err := scan.Read(data, &ev); err != nil {
		return llm.Errorf(llm.KindUpstream, "the event %s can't be read: %w", typ, err)
	}
	return handle(d, &ev)
}

// errorEvent reads the event of an error: documented as flat, sent with the
// error inside.
func errorEvent(data []byte) *llm.Error {
	data = scan.Sound(data)
	var ev struct {
		Error jsontext.Value `json:"error"`
	}
	if json.Unmarshal(data, &ev, scan.Lenient) == nil {
		if e := errorIn(ev.Error, 0); e != nil {
			return e
		}
	}
	var flat failure
	if json.Unmarshal(data, &flat, scan.Lenient) != nil || flat.Message == "" && len(flat.Code) == 0 {
		return llm.Errorf(llm.KindUpstream, "the provider sent an error that can't be read: %s", wire.Clip(string(data)))
	}
	return classed(&llm.Error{Message: flat.Message, Code: textOf(flat.Code), Param: flat.Param})
}

func (d *decoder) created(ev *event) *llm.Error {
	r := ev.Response
	if r == nil {
		r = &response{}
	}
	d.begin(r)
	return nil
}

func (d *decoder) begin(r *response) {
	if !d.begun {
		d.begun = true
		d.emit(llm.Start{ID: r.ID, Model: r.Model, Created: wire.UnixTime(r.CreatedAt), ServiceTier: r.ServiceTier})
	}
}

// item returns the item of a type at an index, made if it isn't there. The index
// is what tells items apart: some servers give an item another id in every event.
func (d *decoder) item(index int, id, typ string) (*inItem, *llm.Error) {
	d.begin(&response{})
	it := d.items[index]
	if it != nil && it.typ == typ {
		return it, nil
	}
	return d.fresh(index, id, typ)
}

// fresh puts a new item at an index; one that stands there has ended.
func (d *decoder) fresh(index int, id, typ string) (*inItem, *llm.Error) {
	if it := d.items[index]; it != nil {
		d.close(it)
	} else if len(d.items) >= maxItems {
		return nil, llm.Errorf(llm.KindUpstream, "the answer has more than %d items", maxItems)
	}
	if s := d.silent; s != nil && s.own == nil && !s.done {
		d.openReasoning(s, true) // it must come before what is added now
	}
	it := &inItem{id: id, typ: typ, content: map[int]*inPart{}}
	if d.items[index] = it; typ == "reasoning" {
		d.silent = it
	}
	return it, nil
}

func (d *decoder) openReasoning(it *inItem, summary bool) {
	if it.own == nil {
		it.own = d.open(llm.Reasoning{ID: it.id, Summary: summary})
		it.own.summary = summary
	}
}

func (d *decoder) itemAdded(ev *event) *llm.Error {
	var head item
	if err := json.Unmarshal(ev.Item, &head, scan.Lenient); err != nil {
		return nil //nolint:nilerr // an item of the vendor's own is read when it is done
	}
	d.begin(&response{})
	it, e := d.fresh(ev.OutputIndex, head.ID, head.Type)
	if e != nil {
		return e
	}
	if (head.Type == "function_call" || head.Type == "custom_tool_call") && head.Name != "" && head.CallID != "" {
		return d.openCall(it, &head)
	}
	return nil
}

// openCall opens a call with its names; its arguments come as deltas, and with
// the done item.
func (d *decoder) openCall(it *inItem, head *item) *llm.Error {
	if it.own != nil {
		return nil
	}
	c, err := whole(callOf(head, d.t))
	if err != nil {
		return llm.Errorf(llm.KindUpstream, "an item of the answer can't be read: %w", err)
	}
	c.Arguments = ""
	it.own = d.open(c)
	return nil
}

// open opens the next neutral part.
func (d *decoder) open(p llm.Part) *inPart {
	d.seen.see(p)
	part := &inPart{index: d.next}
	_, part.refusal = p.(llm.Refusal)
	d.next++
	d.emit(llm.PartStart{Index: part.index, Part: p})
	return part
}

func (d *decoder) end(p *inPart) {
	if p != nil && !p.closed {
		p.closed = true
		d.emit(llm.PartEnd{Index: p.index})
	}
}

// close ends the parts of an item, in their order.
func (d *decoder) close(it *inItem) {
	for _, i := range slices.Sorted(maps.Keys(it.content)) {
		d.end(it.content[i])
	}
	d.end(it.own)
	it.done = true
}

func (d *decoder) terminal(ev *event) *llm.Error {
	r := ev.Response
	if r == nil {
		return llm.Errorf(llm.KindUpstream, "the stream's last event holds no answer")
	}
	if e := r.failure(); e != nil {
		return e
	}
	d.begin(r)
	if len(d.items) == 0 {
		// A server that tells its items only at the end.
		for i, raw := range r.Output {
			if e := d.itemDone(&event{OutputIndex: i, Item: raw}); e != nil {
				return e
			}
		}
	}
	for _, i := range slices.Sorted(maps.Keys(d.items)) {
		d.close(d.items[i])
	}
	if r.Usage != nil {
		d.emit(llm.UsageUpdate{Usage: r.usageOf(d.t)})
	}
	d.finished = true
	d.emit(r.finish(d.seen))
	return nil
}
