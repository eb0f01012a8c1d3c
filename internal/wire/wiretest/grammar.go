package wiretest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// Grammar holds the events of one answer to what [llm.Event] promises of them, and
// what they carry to what every encoder relies on: Unicode, JSON without a name
// twice, blobs that are the Origin's. The zero value is ready.
type Grammar struct {
	Origin  llm.Origin
	begun   bool
	choices map[int]*told
}

// told is a choice as far as it has been told.
type told struct {
	open     map[int]llm.Part
	parts    int
	finished bool
}

// Add takes the next event; the error says what is wrong with it.
func (g *Grammar) Add(e llm.Event) error {
	if _, ok := e.(llm.Start); ok == g.begun {
		return fmt.Errorf("%T: Start is not first, or not alone", e)
	}
	g.begun = true
	if err := g.event(e); err != nil {
		return fmt.Errorf("%w: %#v", err, e)
	}
	return nil
}

// End says what is missing at the end of a stream that ended without an error.
func (g *Grammar) End() error {
	if len(g.choices) == 0 {
		return errors.New("no choice was told")
	}
	for i, c := range g.choices {
		if len(c.open) > 0 || !c.finished {
			return fmt.Errorf("choice %d ended with %d parts open, finished: %v", i, len(c.open), c.finished)
		}
	}
	return nil
}

// All adds the events of a stream that ended without an error, and its end.
func (g *Grammar) All(events []llm.Event) error {
	for i, e := range events {
		if err := g.Add(e); err != nil {
			return fmt.Errorf("event %d: %w", i, err)
		}
	}
	return g.End()
}

// Finished says whether any choice has ended.
func (g *Grammar) Finished() bool {
	for _, c := range g.choices {
		if c.finished {
			return true
		}
	}
	return false
}

func (g *Grammar) choice(i int) *told {
	if g.choices == nil {
		g.choices = map[int]*told{}
	}
	if g.choices[i] == nil {
		g.choices[i] = &told{open: map[int]llm.Part{}}
	}
	return g.choices[i]
}

var (
	errClosed  = errors.New("of a part that isn't open, or is of another kind")
	errUnicode = errors.New("text that isn't Unicode")
)

func (g *Grammar) event(e llm.Event) error {
	switch e := e.(type) {
	case llm.Start:
		return texts(e.ID, e.Model, e.ServiceTier)
	case llm.PartStart:
		return g.start(e)
	case llm.TextDelta:
		switch g.choice(e.Choice).open[e.Index].(type) {
		case llm.Text, llm.Refusal:
			return texts(e.Text)
		}
		return errClosed
	case llm.ReasoningDelta:
		if _, ok := g.choice(e.Choice).open[e.Index].(llm.Reasoning); !ok {
			return errClosed
		}
		return texts(e.Text)
	case llm.ArgumentsDelta:
		if _, ok := g.choice(e.Choice).open[e.Index].(llm.ToolCall); !ok {
			return errClosed
		}
		return texts(e.Arguments)
	case llm.BlobDelta:
		switch g.choice(e.Choice).open[e.Index].(type) {
		case llm.Text, llm.Reasoning, llm.ToolCall, llm.Media:
			return g.blob(&e.Blob)
		}
		return errClosed
	case llm.CitationDelta:
		if _, ok := g.choice(e.Choice).open[e.Index].(llm.Text); !ok {
			return errClosed
		}
		if raw := jsontext.Value(e.Citation.Raw); len(raw) > 0 && !raw.IsValid() {
			return errors.New("a citation that isn't JSON")
		}
		return texts(e.Citation.URL, e.Citation.Title, e.Citation.Quote)
	case llm.PartEnd:
		c := g.choice(e.Choice)
		if c.open[e.Index] == nil {
			return errClosed
		}
		delete(c.open, e.Index)
	case llm.UsageUpdate:
		if u := e.Usage; min(u.Input, u.CacheRead, u.CacheWrite, u.CacheWrite1h, u.Output, u.ReasoningOfOutput) < 0 {
			return errors.New("a counter below zero")
		}
	case llm.Finish:
		c := g.choice(e.Choice)
		if c.finished || len(c.open) > 0 || e.Reason == "" {
			return errors.New("a finish without a reason, a second one, or with parts open")
		}
		c.finished = true
	default:
		return errors.New("no event")
	}
	return nil
}

func (g *Grammar) start(e llm.PartStart) error {
	c := g.choice(e.Choice)
	if e.Index != c.parts || e.Part == nil || c.finished {
		return errors.New("a part out of order")
	}
	c.open[e.Index] = e.Part
	c.parts++
	switch p := e.Part.(type) {
	case llm.Text:
		return errors.Join(texts(p.Text), g.blob(p.Blob))
	case llm.Refusal:
		return texts(p.Text)
	case llm.Reasoning:
		return errors.Join(texts(p.ID, p.Text), g.blob(p.Blob))
	case llm.ToolCall:
		if p.ID == "" || p.Name == "" {
			return errors.New("a call without its id or name")
		}
		return errors.Join(texts(p.ID, p.ItemID, p.Name, p.Arguments), g.blob(p.Blob))
	case llm.Media:
		return errors.Join(texts(p.MIME, p.Data, p.URL, p.FileID, p.Name), g.blob(p.Blob))
	case llm.Opaque:
		if raw := jsontext.Value(p.Raw); raw.Kind() != '{' || !raw.IsValid() {
			return errors.New("an opaque part that isn't a JSON object")
		}
		return texts(p.Type, p.Text)
	}
	return errors.New("a part that no model says")
}

func (g *Grammar) blob(b *llm.Blob) error {
	if b != nil && b.Origin != g.Origin {
		return errors.New("a blob of another origin")
	}
	if b != nil {
		return texts(b.Data)
	}
	return nil
}

func texts(list ...string) error {
	for _, s := range list {
		if !utf8.ValidString(s) {
			return errUnicode
		}
	}
	return nil
}

// Strict says what in a stream that an encoder wrote isn't JSON to every reader.
func Strict(stream []byte) error {
	r := sse.NewReader(bytes.NewReader(stream))
	defer r.Close()
	for {
		ev, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("the stream: %w", err)
		case ev.Comment || string(ev.Data) == "[DONE]":
		case !jsontext.Value(ev.Data).IsValid():
			return fmt.Errorf("not JSON: %s", ev.Data)
		}
	}
}
