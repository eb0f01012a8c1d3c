package gemini

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/scan"
)

// turn is a content that is being written.
type turn struct {
	role    string
	parts   []utterance
	results bool // holds the results of the calls before it, and nothing else
}

// utterance is one part of a turn: our own, or one kept verbatim.
type utterance struct {
	part part
	raw  jsontext.Value
}

// awaited is a call that wants a result.
type awaited struct {
	id, name string
	custom   bool
	result   *llm.ToolResult
	came     int // which result of its step it is, in the client's order
}

// unsigned tells the vendor not to look for a thought signature that a call of
// another model can't have. Source: ai.google.dev, "Thought signatures".
const unsigned = "skip_thought_signature_validator"

// noResult is what a call gets whose result the client has lost.
const noResult = "no result"

// converse writes the conversation. All results of a step stand together in one
// content right after its calls, in the order of the calls; what was torn apart
// is joined again.
func (e *encoding) converse() {
	c := conversation{e: e, names: map[string]string{}}
	messages := wire.Distinct(e.q.Messages)
	if n := len(messages); e.t.NoPrefill && n > 1 && messages[n-1].Role == llm.RoleAssistant && !calls(messages[n-1]) {
		messages = messages[:n-1]
		e.Lose("prefill", "the model can't go on with an answer that was begun")
	}
	for _, m := range messages {
		switch m.Role {
		case llm.RoleSystem, llm.RoleDeveloper:
			if len(e.turns) == 0 && len(c.rest) == 0 {
				if !e.forwarded {
					e.instruct(m.Text())
				}
				continue
			}
			if text := m.Text(); text != "" {
				c.say(textPart("<system>\n" + text + "\n</system>"))
			}
		case llm.RoleAssistant:
			c.answered(m)
		default:
			c.asked(m)
		}
	}
	c.settle()
	if len(e.turns) == 0 && len(e.system) > 0 {
		// The format wants a turn: instructions alone become one.
		for _, raw := range e.system {
			c.say(utterance{raw: raw})
		}
		e.system = nil
		c.settle()
	}
	if len(e.turns) == 0 {
		e.Refuse("messages", "the conversation holds nothing that can be sent")
		return
	}
	if first := e.turns[0]; first.role == "model" && slices.ContainsFunc(first.parts, func(u utterance) bool { return u.part.FunctionCall != nil }) {
		// Calls must follow a turn of the user's.
		e.turns = append([]turn{{role: "user", parts: []utterance{textPart("(the conversation goes on)")}}}, e.turns...)
	}
	if signs(e.t) {
		e.sign()
	}
}

// instruct adds to the system text.
func (e *encoding) instruct(text string) {
	if text == "" {
		return
	}
	raw, err := marshal(part{Text: &text})
	if err != nil {
		e.Refuse("messages", "the system text can't be written: "+err.Error())
		return
	}
	e.system = append(e.system, raw)
}

func textPart(s string) utterance { return utterance{part: part{Text: &s}} }

func calls(m llm.Message) bool {
	for _, p := range m.Parts {
		if _, ok := p.(llm.ToolCall); ok {
			return true
		}
	}
	return false
}

// sign marks the steps whose first call has no signature: the vendor refuses those
// of the current turn, and where that begins may change with what is said next,
// while what was sent once is to stay as it is.
func (e *encoding) sign() {
	for _, t := range e.turns {
		for i, p := range t.parts {
			if p.part.FunctionCall == nil {
				continue
			}
			if p.part.ThoughtSignature == "" {
				t.parts[i].part.ThoughtSignature = unsigned
			}
			break
		}
	}
}

// conversation is the state of writing one: calls that wait for their results,
// and what the user said since the last answer.
type conversation struct {
	e     *encoding
	names map[string]string // of tools by call id
	open  []awaited
	rest  []utterance
	heard bool // something came since the last answer

	results int
}

func (c *conversation) say(p utterance) {
	c.heard = true
	c.rest = append(c.rest, p)
}

// settle writes what came since the last answer: results first.
func (c *conversation) settle() {
	if len(c.open) > 0 {
		t := turn{role: "user", results: true}
		if c.e.t.Names.Passes() {
			// Where the client's own requests pass as they are, so does its order.
			slices.SortStableFunc(c.open, func(a, b awaited) int { return a.came - b.came })
		}
		var beside []utterance
		for _, a := range c.open {
			p, more := c.e.result(a)
			t.parts = append(t.parts, p)
			beside = append(beside, more...)
		}
		c.e.turns = append(c.e.turns, t)
		c.rest = append(beside, c.rest...)
	}
	if len(c.rest) > 0 {
		c.e.turns = append(c.e.turns, turn{role: "user", parts: c.rest})
	}
	c.open, c.rest, c.heard = nil, nil, false
}

// asked takes a message of the user's or of tools.
func (c *conversation) asked(m llm.Message) {
	c.heard = c.heard || len(m.Parts) > 0
	for _, p := range m.Parts {
		r, ok := p.(llm.ToolResult)
		if !ok {
			if w, ok := c.e.told(p); ok {
				c.say(w)
			}
			continue
		}
		if c.answers(&r) {
			continue
		}
		name := r.Name
		if name == "" {
			name = c.names[r.CallID]
		}
		c.say(textPart(strings.TrimSpace("Result of " + name + ": " + r.Text())))
		for _, p := range r.Parts {
			if _, text := p.(llm.Text); text {
				continue
			}
			if w, ok := c.e.told(p); ok {
				c.say(w)
			}
		}
	}
}

// answers gives a result to its call; false when none waits for it.
func (c *conversation) answers(r *llm.ToolResult) bool {
	for i := range c.open {
		if a := &c.open[i]; a.id == r.CallID && a.result == nil {
			c.results++
			a.result, a.came = r, c.results
			return true
		}
	}
	return false
}

// answered takes a message of the model's.
func (c *conversation) answered(m llm.Message) {
	if c.heard {
		c.settle()
	}
	e := c.e
	withCalls := calls(m)
	own := e.t.Names.Passes() && slices.ContainsFunc(m.Parts, e.signed)
	var parts []utterance
	for _, p := range m.Parts {
		if call, ok := p.(llm.ToolCall); ok {
			c.names[call.ID] = call.Name
			c.open = append(c.open, awaited{id: call.ID, name: call.Name, custom: call.Custom})
			parts = append(parts, e.call(call))
			continue
		}
		if r, ok := p.(llm.Reasoning); ok {
			if w, ok := e.replayed(r, withCalls, own); ok {
				parts = append(parts, w)
			}
			continue
		}
		if w, ok := e.spoken(p); ok {
			parts = append(parts, w)
		}
	}
	if len(parts) == 0 {
		return
	}
	if n := len(e.turns); n > 0 && e.turns[n-1].role == "model" {
		e.turns[n-1].parts = append(e.turns[n-1].parts, parts...)
		return
	}
	e.turns = append(e.turns, turn{role: "model", parts: parts})
}

// signature gives a blob to its own maker alone.
func (e *encoding) signature(b *llm.Blob) string {
	if b == nil || b.Kind != llm.BlobThought || b.Origin != e.t.Origin {
		return ""
	}
	return b.Data
}

// signed says whether the target made a part.
func (e *encoding) signed(p llm.Part) bool {
	switch p := p.(type) {
	case llm.Reasoning:
		return e.signature(p.Blob) != ""
	case llm.ToolCall:
		return e.signature(p.Blob) != ""
	case llm.Text:
		return e.signature(p.Blob) != ""
	}
	return false
}

// replayed writes a thought that must go back. One without a signature means
// nothing to the vendor, but passes where a client of the format sends it back with
// what else the target said: it passed before.
func (e *encoding) replayed(r llm.Reasoning, withCalls, own bool) (utterance, bool) {
	sig := e.signature(r.Blob)
	replay := e.t.Reasoning.Replay
	if own {
		return utterance{part: part{Text: &r.Text, Thought: true, ThoughtSignature: sig}}, true
	}
	if sig == "" || replay == "" || replay == "tools" && !withCalls {
		return utterance{}, false
	}
	return utterance{part: part{Text: &r.Text, Thought: true, ThoughtSignature: sig}}, true
}

// id is that of a call on the way out; one that the client of the format left out
// stays so.
func (e *encoding) id(of string) string {
	if e.t.Names.Passes() && isMade.MatchString(of) {
		return ""
	}
	return wire.ToolID(of, e.t.ToolID)
}

func (e *encoding) call(c llm.ToolCall) utterance {
	return utterance{part: part{
		FunctionCall:     &functionCall{ID: e.id(c.ID), Name: e.name(c.Name, c.Custom), Args: argsOf(c)},
		ThoughtSignature: e.signature(c.Blob),
	}}
}

// spoken writes a part that either side may say.
func (e *encoding) spoken(p llm.Part) (utterance, bool) {
	switch p := p.(type) {
	case llm.Text:
		sig := e.signature(p.Blob)
		if p.Text == "" && sig == "" {
			return utterance{}, false
		}
		return utterance{part: part{Text: &p.Text, ThoughtSignature: sig}}, true
	case llm.Refusal:
		return textPart(p.Text), p.Text != ""
	case llm.Media:
		return e.media(p)
	case llm.Opaque:
		if p.Format == llm.FormatGemini {
			return utterance{raw: p.Raw}, true
		}
		e.Lose(p.Type, "a part of type "+p.Type+" means nothing to another vendor")
	}
	return utterance{}, false
}

// told writes a part that the client said.
func (e *encoding) told(p llm.Part) (utterance, bool) {
	if o, ok := p.(llm.Opaque); ok && o.Format != llm.FormatGemini {
		text := e.Told("contents", o)
		return textPart(text), text != ""
	}
	return e.spoken(p)
}

// media writes an attachment, or refuses one that the model can't take: leaving
// it out would change what is asked.
func (e *encoding) media(m llm.Media) (utterance, bool) {
	var out part
	switch {
	case m.FileID != "" && m.Format != llm.FormatGemini:
		e.Refuse("messages", "a file id of another vendor ("+m.FileID+") can't be read by "+e.t.Model+": send the file itself")
		return utterance{}, false
	case m.Kind == llm.MediaImage && e.t.NoVision:
		e.Refuse("messages", "the model "+e.t.Model+" can't see images")
		return utterance{}, false
	case m.Kind == llm.MediaAudio && e.t.NoAudio:
		e.Refuse("messages", "the model "+e.t.Model+" can't hear audio")
		return utterance{}, false
	case m.Text != "":
		return textPart(m.Text), true
	case m.Kind == llm.MediaDocument && e.t.NoPDF && !strings.HasPrefix(m.MIME, "text/"):
		e.Refuse("messages", "the model "+e.t.Model+" can't read documents")
		return utterance{}, false
	case m.Data != "":
		out.InlineData = &inlineData{MIMEType: mimeOf(m), Data: m.Data}
	case m.FileID != "":
		out.FileData = &fileData{MIMEType: mimeOf(m), FileURI: m.FileID}
	case m.URL != "":
		out.FileData = &fileData{MIMEType: mimeOf(m), FileURI: m.URL}
	default:
		return utterance{}, false
	}
	if m.Format == llm.FormatGemini && len(m.Extra) > 0 {
		var extra part
		if unmarshal(m.Extra, &extra) == nil {
			out.VideoMetadata, out.MediaResolution = extra.VideoMetadata, extra.MediaResolution
		}
	}
	out.ThoughtSignature = e.signature(m.Blob)
	return utterance{part: out}, true
}

// result writes the result of a call. Models that are steered by a level take
// media inside it; for others they follow as the user's, unless a client of the
// format has put them there itself.
func (e *encoding) result(a awaited) (utterance, []utterance) {
	f := &functionResponse{ID: e.id(a.id), Name: e.name(a.name, a.custom)}
	if a.result == nil {
		f.Response = envelope("error", noResult)
		return utterance{part: part{FunctionResponse: f}}, nil
	}
	r := a.result
	text := r.Text()
	var beside []utterance
	for _, p := range r.Parts {
		var w utterance
		var ok bool
		switch p := p.(type) {
		case llm.Media:
			w, ok = e.media(p)
		case llm.Opaque:
			if p.Format != llm.FormatGemini {
				text += e.Told("contents", p)
				continue
			}
			w, ok = e.spoken(p)
		}
		switch {
		case !ok:
		case e.t.Reasoning.Control != "level" && !e.t.Names.Passes():
			beside = append(beside, w)
		default:
			raw, err := w.write()
			if err != nil {
				e.Refuse("messages", err.Error())
				continue
			}
			f.Parts = append(f.Parts, raw)
		}
	}
	f.Response = responseOf(r, text)
	return utterance{part: part{FunctionResponse: f}}, beside
}

// responseOf writes a result's text. An object goes as it is, other text in the
// format's envelope; so does an object with references in it, which the vendor
// would try to resolve.
func responseOf(r *llm.ToolResult, text string) jsontext.Value {
	if r.IsError {
		return envelope("error", text)
	}
	v := jsontext.Value(strings.TrimSpace(text))
	if v.Kind() == '{' && v.IsValid() && !references(v) {
		return v
	}
	return envelope("output", text)
}

func references(v []byte) bool {
	for _, s := range []string{`"$ref"`, `"$defs"`, `\u0024`} {
		if bytes.Contains(v, []byte(s)) {
			return true
		}
	}
	return false
}

func envelope(key, text string) jsontext.Value {
	var w object
	w.add(key, scan.Quote(text))
	return w.bytes()
}

func (s *utterance) write() (jsontext.Value, error) {
	if s.raw != nil {
		return s.raw, nil
	}
	raw, err := marshal(s.part)
	if err != nil {
		return nil, fmt.Errorf("a part can't be written: %w", err)
	}
	return raw, nil
}

// contents writes the turns.
func (e *encoding) contents() ([]content, error) {
	out := make([]content, 0, len(e.turns))
	for _, t := range e.turns {
		c := content{Role: t.role, Parts: make([]jsontext.Value, 0, len(t.parts))}
		for i := range t.parts {
			raw, err := t.parts[i].write()
			if err != nil {
				return nil, wire.BadRequest("messages", err.Error())
			}
			c.Parts = append(c.Parts, raw)
		}
		out = append(out, c)
	}
	return out, nil
}
