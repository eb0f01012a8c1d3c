package sim

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// geminiUsage is usageMetadata; its candidates don't count thoughts.
type geminiUsage struct {
	Prompt        int             `json:"promptTokenCount"`
	Candidates    int             `json:"candidatesTokenCount,omitzero"`
	Total         int             `json:"totalTokenCount"`
	Cached        int             `json:"cachedContentTokenCount,omitzero"`
	PromptDetails []geminiDetails `json:"promptTokensDetails"`
	Thoughts      int             `json:"thoughtsTokenCount,omitzero"`
}

type geminiDetails struct {
	Modality string `json:"modality"`
	Tokens   int    `json:"tokenCount"`
}

type geminiCall struct {
	ID   string         `json:"id,omitzero"`
	Name string         `json:"name"`
	Args jsontext.Value `json:"args"`
}

type geminiPart struct {
	Text      *string     `json:"text,omitzero"`
	Thought   bool        `json:"thought,omitzero"`
	Call      *geminiCall `json:"functionCall,omitzero"`
	Signature string      `json:"thoughtSignature,omitzero"`
}

type geminiContent struct {
	Parts []geminiPart `json:"parts,omitempty"`
	Role  string       `json:"role"`
}

type geminiCandidate struct {
	Content       geminiContent `json:"content"`
	FinishReason  string        `json:"finishReason,omitzero"`
	FinishMessage string        `json:"finishMessage,omitzero"`
	Index         int           `json:"index"`
}

// geminiBody is an answer, and every event of a stream.
type geminiBody struct {
	Candidates []geminiCandidate `json:"candidates,omitempty"`
	Usage      *geminiUsage      `json:"usageMetadata,omitzero"`
	Version    string            `json:"modelVersion"`
	ResponseID string            `json:"responseId"`
}

// usage counts what was said up to a share of the whole.
func (geminiFormat) usage(a *answer, said int) *geminiUsage {
	n := a.usage
	if n == nil {
		return nil
	}
	candidates := min(said, n.output-n.reasoning)
	return &geminiUsage{
		Prompt: n.input, Candidates: candidates, Thoughts: n.reasoning, Total: n.input + candidates + n.reasoning, Cached: n.cached,
		PromptDetails: []geminiDetails{{"TEXT", n.input}},
	}
}

func geminiFinish(t turn) string {
	switch t.end {
	case endLimit:
		return "MAX_TOKENS"
	case endRefused:
		return "SAFETY"
	}
	return "STOP"
}

// signs says whether a model signs its parts: those that reason, and Gemini 3
// always.
func (geminiFormat) signs(x *exchange, a *answer) bool {
	return a.prompt.reasons || geminiLevel.MatchString(x.script.base)
}

// calls are the parts that call functions; the first carries the signature of
// all.
func (g geminiFormat) calls(x *exchange, a *answer, t turn) []geminiPart {
	var parts []geminiPart
	for i, c := range t.calls {
		part := geminiPart{Call: &geminiCall{Name: c.name, Args: jsontext.Value(c.input)}}
		if geminiLevel.MatchString(x.script.base) {
			part.Call.ID = c.id
		}
		if i == 0 && g.signs(x, a) {
			part.Signature = g.signature(x, a, t)
		}
		parts = append(parts, part)
	}
	return parts
}

func (geminiFormat) signature(x *exchange, a *answer, t turn) string {
	if t.seal != "" {
		return t.seal
	}
	return x.seal(a.prompt.model, "thought")
}

func (g geminiFormat) body(a *answer, candidates ...geminiCandidate) geminiBody {
	return geminiBody{Candidates: candidates, Version: a.prompt.model, ResponseID: a.id}
}

func (g geminiFormat) whole(x *exchange, a *answer) []byte {
	var candidates []geminiCandidate
	for i, t := range a.turns {
		c := geminiCandidate{Index: i, FinishReason: geminiFinish(t), Content: geminiContent{Role: "model"}}
		if t.reasoning != "" && !a.prompt.mute {
			c.Content.Parts = append(c.Content.Parts, geminiPart{Text: &t.reasoning, Thought: true})
		}
		if t.text != "" {
			part := geminiPart{Text: &t.text}
			if len(t.calls) == 0 && g.signs(x, a) {
				part.Signature = g.signature(x, a, t)
			}
			c.Content.Parts = append(c.Content.Parts, part)
		}
		c.Content.Parts = append(c.Content.Parts, g.calls(x, a, t)...)
		if len(t.calls) > 0 {
			c.FinishMessage = "Model generated function call(s)."
		}
		candidates = append(candidates, c)
	}
	body := g.body(a, candidates...)
	if a.usage != nil {
		body.Usage = g.usage(a, a.usage.output)
	}
	return encode(body)
}

// geminiStream writes an answer as events, or as the items of one array where
// the client didn't ask for events.
type geminiStream struct {
	g    geminiFormat
	x    *exchange
	a    *answer
	out  *outlet
	said int
}

func (g geminiFormat) stream(x *exchange, a *answer) {
	s := &geminiStream{g: g, x: x, a: a}
	if eventStream(x) {
		s.out = x.open("text/event-stream")
	} else {
		s.out = x.open("application/json; charset=UTF-8")
	}
	for i, t := range a.turns {
		s.turn(i, t)
	}
	s.out.finish()
	for i, t := range a.turns {
		last := geminiCandidate{Index: i, FinishReason: geminiFinish(t), Content: geminiContent{Role: "model"}}
		if len(t.calls) > 0 {
			last.FinishMessage = "Model generated function call(s)."
		}
		if t.text != "" && len(t.calls) == 0 && g.signs(x, a) {
			empty := ""
			last.Content.Parts = []geminiPart{{Text: &empty, Signature: g.signature(x, a, t)}}
		}
		if a.usage != nil {
			s.said = a.usage.output
		}
		s.event(last, false)
	}
	if !eventStream(x) {
		s.out.frame([]byte("]"))
	}
}

// eventStream says whether the client asked for server-sent events.
func eventStream(x *exchange) bool { return x.r.URL.Query().Get("alt") == "sse" }

func (s *geminiStream) turn(i int, t turn) {
	size := s.a.prompt.script.size
	if !s.a.prompt.mute {
		for piece := range cut(t.reasoning, size) {
			s.part(i, geminiPart{Text: &piece, Thought: true})
		}
	}
	for piece := range cut(t.text, size) {
		s.said += tokens(len(piece))
		s.part(i, geminiPart{Text: &piece})
	}
	for _, part := range s.g.calls(s.x, s.a, t) {
		s.said += tokens(len(part.Call.Name) + len(part.Call.Args))
		s.part(i, part)
	}
}

func (s *geminiStream) part(i int, part geminiPart) {
	if !s.out.over {
		s.event(geminiCandidate{Index: i, Content: geminiContent{Parts: []geminiPart{part}, Role: "model"}}, true)
	}
}

func (s *geminiStream) event(c geminiCandidate, counts bool) {
	body := s.g.body(s.a, c)
	body.Usage = s.g.usage(s.a, s.said)
	var b []byte
	switch {
	case eventStream(s.x):
		b = s.g.frame(encode(body))
	case s.out.frames == 0:
		b = append([]byte("["), encode(body)...)
	default:
		b = append([]byte(",\r\n"), encode(body)...)
	}
	if counts {
		s.out.piece(b)
		return
	}
	s.out.frame(b)
}

func (geminiFormat) frame(event []byte) []byte {
	return bytes.Join([][]byte{[]byte("data: "), event, []byte("\r\n\r\n")}, nil)
}

func (geminiFormat) tail() []byte { return nil }

// idle is a chunk without a word: comments are not for this API's clients.
func (geminiFormat) idle() []byte {
	return []byte("data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"\"}]},\"index\":0}]}\n\n")
}

func (geminiFormat) lists() bool { return true }

func (g geminiFormat) broken(o *outlet, f *failure) []byte {
	if eventStream(o.x) {
		return g.frame(g.refusal(o.x, f))
	}
	start := ",\r\n"
	if o.frames == 0 {
		start = "["
	}
	return append(append([]byte(start), g.refusal(o.x, f)...), ']')
}
