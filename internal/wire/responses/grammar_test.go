package responses_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire/sse"
	"github.com/oidostudio/oido/internal/wire/wiretest"
)

// wireEvent is an event of a stream as a client reads it.
type wireEvent struct {
	Type         string           `json:"type"`
	Sequence     *int             `json:"sequence_number"`
	Response     *wireResponse    `json:"response"`
	Item         *wireItem        `json:"item"`
	ItemID       string           `json:"item_id"`
	OutputIndex  int              `json:"output_index"`
	ContentIndex int              `json:"content_index"`
	SummaryIndex int              `json:"summary_index"`
	Delta        string           `json:"delta"`
	Text         string           `json:"text"`
	Refusal      string           `json:"refusal"`
	Arguments    string           `json:"arguments"`
	Input        string           `json:"input"`
	Part         *wirePart        `json:"part"`
	Annotation   jsontext.Value   `json:"annotation"`
	Rest         jsontext.Value   `json:",embed"`
	Message      string           `json:"message"`
	Logprobs     []jsontext.Value `json:"logprobs"`
}

type wireResponse struct {
	ID     string         `json:"id"`
	Status string         `json:"status"`
	Output []wireItem     `json:"output"`
	Rest   jsontext.Value `json:",embed"`
}

// wireItem is an item; of one that is kept verbatim nothing but its type is read.
type wireItem struct {
	ID        string         `json:"id"`
	Type      string         `json:"type"`
	Status    string         `json:"status"`
	CallID    string         `json:"call_id"`
	Content   []wirePart     `json:"content"`
	Summary   []wirePart     `json:"summary"`
	Arguments string         `json:"arguments"`
	Input     string         `json:"input"`
	Rest      jsontext.Value `json:",embed"`
}

// UnmarshalJSONFrom reads an item.
func (it *wireItem) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	type plain wireItem
	var k struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &k); err != nil {
		return err
	}
	switch k.Type {
	case "message", "reasoning", "function_call", "custom_tool_call":
		return json.Unmarshal(raw, (*plain)(it))
	}
	*it = wireItem{Type: k.Type, Rest: raw.Clone()}
	return nil
}

type wirePart struct {
	Type        string           `json:"type"`
	Text        string           `json:"text"`
	Refusal     string           `json:"refusal"`
	Annotations []jsontext.Value `json:"annotations"`
	Logprobs    []jsontext.Value `json:"logprobs"`
}

func (p wirePart) words() string { return p.Text + p.Refusal }

// events reads a stream's events.
func events(stream []byte) ([]wireEvent, error) {
	var out []wireEvent
	r := sse.NewReader(bytes.NewReader(stream))
	defer r.Close()
	for {
		ev, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if ev.Comment {
			continue
		}
		var e wireEvent
		if err := json.Unmarshal(ev.Data, &e); err != nil {
			return nil, fmt.Errorf("%s: %w", ev.Data, err)
		}
		if string(ev.Name) != e.Type {
			return nil, fmt.Errorf("an event named %q is of type %q", ev.Name, e.Type)
		}
		out = append(out, e)
	}
}

// checker holds a stream to the format's grammar.
type checker struct {
	next  int // the sequence number to come
	items []*checkedItem
	end   string
}

type checkedItem struct {
	id, typ string
	parts   map[int]*checkedPart
	text    strings.Builder // of a call
	ended   bool            // its whole text was told
	done    *wireItem
}

type checkedPart struct {
	text        strings.Builder
	annotations int
	told, done  bool
}

func checkStream(stream []byte) error {
	list, err := events(stream)
	if err != nil {
		return err
	}
	c := &checker{}
	for i, e := range list {
		if err := c.event(i, e); err != nil {
			return fmt.Errorf("event %d, %s: %w", i, e.Type, err)
		}
	}
	if c.end == "" {
		return errors.New("no terminal event")
	}
	return nil
}

func (c *checker) event(i int, e wireEvent) error {
	if e.Sequence == nil || *e.Sequence != c.next {
		return fmt.Errorf("sequence number %v, want %d", e.Sequence, c.next)
	}
	c.next++
	if c.end != "" && (c.end != "error" || e.Type != "response.failed") {
		return fmt.Errorf("after %s", c.end)
	}
	if (i == 0) != (e.Type == "response.created") || (i == 1) != (e.Type == "response.in_progress") {
		return errors.New("a stream begins with created and in_progress")
	}
	switch e.Type {
	case "response.created", "response.in_progress":
		if e.Response == nil || e.Response.Output == nil || len(e.Response.Output) > 0 || e.Response.Status != "in_progress" {
			return errors.New("no empty answer in progress")
		}
	case "response.output_item.added":
		if e.OutputIndex != len(c.items) {
			return fmt.Errorf("output index %d, want %d", e.OutputIndex, len(c.items))
		}
		c.items = append(c.items, &checkedItem{id: e.Item.ID, typ: e.Item.Type, parts: map[int]*checkedPart{}})
	case "response.completed", "response.incomplete", "response.failed":
		return c.terminal(e)
	case "error":
		c.end = "error"
	default:
		if e.OutputIndex >= len(c.items) {
			return fmt.Errorf("no item %d", e.OutputIndex)
		}
		it := c.items[e.OutputIndex]
		if it.done != nil {
			return errors.New("the item is done")
		}
		if e.ItemID != "" && e.ItemID != it.id {
			return fmt.Errorf("item id %q, want %q", e.ItemID, it.id)
		}
		return it.event(e)
	}
	return nil
}

func (it *checkedItem) event(e wireEvent) error {
	index := e.ContentIndex
	if strings.Contains(e.Type, "reasoning_summary") {
		index = e.SummaryIndex
	}
	p := it.parts[index]
	want := func(name string) error {
		if p == nil || p.done {
			return fmt.Errorf("%s part %d is not open", name, index)
		}
		return nil
	}
	switch e.Type {
	case "response.content_part.added", "response.reasoning_summary_part.added":
		if p != nil || index != len(it.parts) {
			return fmt.Errorf("part %d of %d", index, len(it.parts))
		}
		it.parts[index] = &checkedPart{}
	case "response.output_text.delta", "response.refusal.delta", "response.reasoning_summary_text.delta":
		if err := want("a"); err != nil || p.told {
			return errors.Join(err, errors.New("delta"))
		}
		p.text.WriteString(e.Delta)
	case "response.output_text.annotation.added":
		if err := want("a"); err != nil {
			return err
		}
		p.annotations++
	case "response.output_text.done", "response.refusal.done", "response.reasoning_summary_text.done":
		if err := want("a"); err != nil {
			return err
		}
		if p.told = true; e.Text+e.Refusal != p.text.String() {
			return fmt.Errorf("the text is %q, its deltas were %q", e.Text+e.Refusal, p.text.String())
		}
	case "response.content_part.done", "response.reasoning_summary_part.done":
		if err := want("a"); err != nil {
			return err
		}
		if p.done = true; !p.told || e.Part.words() != p.text.String() || len(e.Part.Annotations) != p.annotations {
			return fmt.Errorf("the part is %q, its deltas were %q", e.Part.words(), p.text.String())
		}
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		it.text.WriteString(e.Delta)
	case "response.function_call_arguments.done", "response.custom_tool_call_input.done":
		if it.ended = true; e.Arguments+e.Input != it.text.String() {
			return fmt.Errorf("arguments %q, deltas were %q", e.Arguments+e.Input, it.text.String())
		}
	case "response.output_item.done":
		return it.finish(e)
	default:
		return errors.New("unknown")
	}
	return nil
}

func (it *checkedItem) finish(e wireEvent) error {
	it.done = e.Item
	if e.Item.ID != it.id || e.Item.Type != it.typ {
		return fmt.Errorf("%s %s became %s %s", it.typ, it.id, e.Item.Type, e.Item.ID)
	}
	parts := e.Item.Content
	if it.typ == "reasoning" {
		parts = e.Item.Summary
	}
	if it.typ == "message" || it.typ == "reasoning" {
		if len(parts) != len(it.parts) {
			return fmt.Errorf("%d parts, %d were added", len(parts), len(it.parts))
		}
		for i, p := range parts {
			if q := it.parts[i]; !q.done || q.text.String() != p.words() {
				return fmt.Errorf("part %d is %q, was %q", i, p.words(), q.text.String())
			}
		}
	}
	if it.typ == "function_call" || it.typ == "custom_tool_call" {
		if !it.ended || e.Item.Arguments+e.Item.Input != it.text.String() {
			return fmt.Errorf("arguments %q, were %q", e.Item.Arguments+e.Item.Input, it.text.String())
		}
	}
	return nil
}

func (c *checker) terminal(e wireEvent) error {
	failed := c.end == "error"
	c.end = e.Type
	if e.Response == nil || "response."+e.Response.Status != e.Type {
		return errors.New("the status is another")
	}
	var done []wireItem
	for i, it := range c.items {
		if it.done != nil {
			done = append(done, *it.done)
		} else if !failed {
			return fmt.Errorf("item %d is not done", i)
		}
	}
	if len(done) != len(e.Response.Output) {
		return fmt.Errorf("%d items, %d were done", len(e.Response.Output), len(done))
	}
	for i := range done {
		if done[i].Type == "reasoning" { // it is encrypted anew every time it is told
			done[i].Rest, e.Response.Output[i].Rest = nil, nil
		}
		if fmt.Sprint(done[i]) != fmt.Sprint(e.Response.Output[i]) {
			return fmt.Errorf("item %d is %v, was %v", i, e.Response.Output[i], done[i])
		}
	}
	return nil
}

// checkEvents holds neutral events to the grammar of llm.Event.
func checkEvents(t testing.TB, list []llm.Event) {
	t.Helper()
	g := wiretest.Grammar{Origin: here.Origin}
	for i, e := range list {
		if err := g.Add(e); err != nil {
			t.Errorf("event %d: %v", i, err)
		}
	}
}
