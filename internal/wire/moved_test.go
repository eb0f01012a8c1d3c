package wire_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/wire"
)

// tale is a conversation that models of several makers took part in, as a client may
// send it back: calls stay without results, results come without calls, ids look
// like any vendor's.
type tale struct {
	messages []llm.Message
	marks    []string // of all that must arrive
	own      []string // what the target sealed before calls
	cuts     []int    // up to where it was sent before
}

func (s *tale) mark() string {
	m := fmt.Sprintf("<mark %d>", len(s.marks))
	s.marks = append(s.marks, m)
	return m
}

// seals are how each format's makers seal their reasoning.
var seals = map[llm.Format]llm.BlobKind{
	llm.FormatChat: llm.BlobPlain, llm.FormatMessages: llm.BlobSignature, llm.FormatResponses: llm.BlobEncrypted, llm.FormatGemini: llm.BlobThought,
}

func (s *tale) says(role llm.Role, parts ...llm.Part) {
	s.messages = append(s.messages, llm.Message{Role: role, Parts: parts})
}

// tell has one answer, and what the tools and the user say to it.
func (s *tale) tell(t *rapid.T, kind llm.BlobKind, n int) {
	var parts []llm.Part
	name := fmt.Sprintf("blob-%d-of-", n)
	calls := rapid.IntRange(0, 3).Draw(t, "calls")
	at, whose := made, "own"
	if rapid.Bool().Draw(t, "foreign") {
		at, whose = llm.Origin{Provider: "other", Model: "m"}, "another"
	}
	b := &llm.Blob{Kind: kind, Data: name + whose, Origin: at}
	thought := llm.Reasoning{Text: name + whose, Blob: b}
	if kind != llm.BlobThought {
		parts = append(parts, thought)
	}
	if calls == 0 || rapid.Bool().Draw(t, "text") {
		parts = append(parts, llm.Text{Text: s.mark()})
	}
	var results []llm.Part
	for i := range calls {
		id := rapid.SampledFrom([]string{"call_0", "toolu_" + name, "a:b/c ü" + name, strings.Repeat("x", 70) + name}).Draw(t, "id")
		c := llm.ToolCall{ID: fmt.Sprint(id, i), Name: "mcp.files/read " + strings.Repeat("y", 60), Arguments: `{"a":1}`}
		if i == 0 && kind == llm.BlobThought {
			c.Blob = b
		}
		parts = append(parts, c)
		if rapid.IntRange(0, 5).Draw(t, "answered") > 0 {
			results = append(results, llm.ToolResult{CallID: c.ID, Parts: []llm.Part{llm.Text{Text: s.mark()}}})
		}
	}
	if calls > 0 && whose == "own" {
		s.own = append(s.own, b.Data)
	}
	if rapid.IntRange(0, 5).Draw(t, "orphan") == 0 {
		results = append(results, llm.ToolResult{CallID: name + "orphan", Parts: []llm.Part{llm.Text{Text: s.mark()}}})
	}
	s.says(llm.RoleAssistant, parts...)
	if len(results) > 0 {
		s.says(llm.RoleTool, rapid.Permutation(results).Draw(t, "order")...)
	}
	if calls == 0 || rapid.Bool().Draw(t, "said") || len(results) < calls {
		s.says(llm.RoleUser, llm.Text{Text: s.mark()})
	}
	s.cuts = append(s.cuts, len(s.messages))
}

// Any conversation becomes one that each vendor takes: calls and results stand
// together, ids fit, nothing is lost, reasoning is its maker's alone, and what was
// sent once is how it begins later.
func TestAConversationMovesToAnyFormat(t *testing.T) {
	t.Parallel()
	for _, f := range formats {
		target := wire.Target{Model: "m", Origin: made, Reasoning: wire.ReasoningStyle{Replay: "tools", Control: "level"}}
		t.Run(string(f.Name()), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				s := &tale{}
				s.says(llm.RoleUser, llm.Text{Text: s.mark()})
				for n := range rapid.IntRange(1, 6).Draw(t, "answers") {
					s.tell(t, seals[f.Name()], n)
				}
				body := s.fits(t, f, target)
				s.arrived(t, body)
				before := listOf(t, s.sentTo(t, f, target, rapid.SampledFrom(s.cuts).Draw(t, "cut")))
				now := listOf(t, body)
				if len(now) < len(before) || !slices.EqualFunc(before, now[:len(before)], func(a, b jsontext.Value) bool { return string(a) == string(b) }) {
					t.Fatalf("sent before\n%s\nand then\n%s", before, now)
				}
			})
		})
	}
}

// sentTo is what is written of the first messages.
func (s *tale) sentTo(t *rapid.T, f wire.Client, target wire.Target, n int) []byte {
	target.Names = &wire.ToolNames{}
	out, _, err := f.Encode(&llm.Request{Model: "m", Messages: s.messages[:n], Tools: []llm.Tool{{Name: "f"}}}, target)
	if err != nil {
		t.Fatal(err)
	}
	return out.Body
}

// fits is what is written of all, once it was seen that it fits together.
func (s *tale) fits(t *rapid.T, f wire.Format, target wire.Target) []byte {
	body := s.sentTo(t, f, target, len(s.messages))
	q, err := f.Decode(wire.RawRequest{Path: "/v1beta/models/m:generateContent", Body: body})
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if wire.Torn(q.Messages) {
		t.Fatalf("torn: %s", body)
	}
	shape := map[llm.Format]wire.IDShape{llm.FormatMessages: wire.ShapeAnthropic, llm.FormatChat: wire.ShapeChat, llm.FormatResponses: wire.ShapeResponses}[f.Name()]
	for _, m := range q.Messages {
		for _, p := range m.Parts {
			if c, ok := p.(llm.ToolCall); ok && (!wire.FitsID(c.ID, shape) || (&wire.ToolNames{}).Out(c.Name) != c.Name) {
				t.Fatalf("%+v in %s", c, body)
			}
		}
	}
	return body
}

func (s *tale) arrived(t *rapid.T, body []byte) {
	text := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(body))
	for _, m := range s.marks {
		if strings.Count(text, m) != 1 {
			t.Fatalf("%s arrived %d times in %s", m, strings.Count(text, m), text)
		}
	}
	for _, b := range s.own {
		if !strings.Contains(text, b) {
			t.Fatalf("%s is missing in %s", b, text)
		}
	}
	if strings.Contains(text, "-of-another") {
		t.Fatalf("another's reasoning in %s", text)
	}
}

// listOf is the conversation of a body.
func listOf(t *rapid.T, body []byte) []jsontext.Value {
	var in struct {
		Messages []jsontext.Value `json:"messages"`
		Input    []jsontext.Value `json:"input"`
		Contents []jsontext.Value `json:"contents"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		t.Fatal(err)
	}
	return slices.Concat(in.Messages, in.Input, in.Contents)
}
