package session_test

import (
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/session"
)

func TestNamedSessionsAreBelievedInOrder(t *testing.T) {
	t.Parallel()
	r := session.New(time.Now)
	q := session.Request{Header: "h", Previous: "p", InBody: "b", Format: llm.FormatChat}
	for _, want := range []session.Session{{ID: "h", Source: session.SourceHeader}, {ID: "p", Source: session.SourcePrevious}, {ID: "b", Source: session.SourceBody}} {
		if got := r.Recognise(q); got.ID != want.ID || got.Source != want.Source || got.First {
			t.Errorf("%+v, want %+v", got, want)
		}
		switch want.Source {
		case session.SourceHeader:
			q.Header = ""
		case session.SourcePrevious:
			q.Previous = ""
		}
	}
}

// turns is a conversation's first and second request in one format, and the
// parts of the answer between them.
type turns struct {
	format        llm.Format
	first, second string
	answer        []llm.Part
}

var conversations = map[string]turns{
	"chat": {
		llm.FormatChat,
		`{"model":"m","messages":[{"role":"system","content":"be kind"},{"role":"user","content":"hi"}]}`,
		`{"messages":[{"role":"system","content":"be kind"},{"role":"user","content":"hi"},{"role":"assistant","content":"hello you"},{"role":"user","content":"again"}]}`,
		[]llm.Part{llm.Reasoning{Text: "hm"}, llm.Text{Text: "hello you "}},
	},
	"chat with a tool": {
		llm.FormatChat,
		`{"messages":[{"role":"user","content":"hi"}]}`,
		`{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"weather","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"x"}]}`,
		[]llm.Part{llm.ToolCall{ID: "c", Name: "weather"}},
	},
	"messages": {
		llm.FormatMessages,
		`{"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}`,
		`{"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"assistant","content":[{"type":"thinking","thinking":"x"},{"type":"text","text":"hel"},{"type":"text","text":"lo"}]}]}`,
		[]llm.Part{llm.Text{Text: "hel"}, llm.Text{Text: "lo"}},
	},
	"messages with a tool": {
		llm.FormatMessages,
		`{"messages":[{"role":"user","content":"hi"}]}`,
		`{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"weather","input":{}}]}]}`,
		[]llm.Part{llm.ToolCall{ID: "t", Name: "weather"}},
	},
	"gemini": {
		llm.FormatGemini,
		`{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`,
		`{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"text":"hm","thought":true},{"text":"hello"}]}]}`,
		[]llm.Part{llm.Text{Text: "hello"}},
	},
	"responses": {
		llm.FormatResponses,
		`{"instructions":"s","input":[{"role":"user","content":"hi"}]}`,
		`{"instructions":"s","input":[{"role":"user","content":"hi"},{"type":"reasoning","summary":[]},{"type":"function_call","call_id":"c","name":"weather","arguments":"{}"}]}`,
		[]llm.Part{llm.ToolCall{ID: "c", Name: "weather"}},
	},
}

func TestAConversationIsFoundAgainByHowItBegins(t *testing.T) {
	t.Parallel()
	for name, c := range conversations {
		r := session.New(time.Now)
		ask := func(key, body string) session.Session {
			return r.Recognise(session.Request{Org: "o", KeyID: key, Format: c.format, Body: []byte(body)})
		}
		first := ask("k", c.first)
		if !first.First || first.Source != session.SourceHash {
			t.Errorf("%s: first turn: %+v", name, first)
		}
		r.Answered(first, session.Opening(c.answer))
		known := func(key, body string) string {
			return r.Known(session.Request{Org: "o", KeyID: key, Format: c.format, Body: []byte(body)})
		}
		if known("k", c.first) != "" || known("k", c.second) != first.ID || known("k2", c.second) == first.ID {
			t.Errorf("%s: known before: %q, %q", name, known("k", c.first), known("k", c.second))
		}
		if second := ask("k", c.second); second.ID != first.ID || second.First {
			t.Errorf("%s: second turn is %+v, the first was %s", name, second, first.ID)
		}
		if other := ask("k2", c.second); other.ID == first.ID {
			t.Errorf("%s: another key's conversation is taken for it", name)
		}
		if again := ask("k", c.first); again.ID == first.ID {
			t.Errorf("%s: two first turns are one session", name)
		}
	}
}

func TestAConversationIsForgottenAfterFourIdleHours(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := session.New(func() time.Time { return now })
	c := conversations["chat"]
	ask := func(body string) session.Session {
		return r.Recognise(session.Request{Format: c.format, Body: []byte(body)})
	}
	first := ask(c.first)
	r.Answered(first, session.Opening(c.answer))
	now = now.Add(4*time.Hour - time.Second)
	if ask(c.second).ID != first.ID {
		t.Error("forgotten too early")
	}
	now = now.Add(4*time.Hour + time.Second)
	if ask(c.second).ID == first.ID {
		t.Error("remembered too long")
	}
}

func FuzzRecognise(f *testing.F) {
	for _, c := range conversations {
		f.Add(string(c.format), []byte(c.second))
	}
	r := session.New(time.Now)
	f.Fuzz(func(t *testing.T, format string, body []byte) {
		if r.Recognise(session.Request{Format: llm.Format(format), Body: body}).ID == "" {
			t.Error("no session")
		}
	})
}

func TestTheOrderOfFieldsTellsNothing(t *testing.T) {
	t.Parallel()
	r := session.New(time.Now)
	ask := func(body string) session.Session {
		return r.Recognise(session.Request{Org: "o", KeyID: "k", Format: llm.FormatResponses, Body: []byte(body)})
	}
	first := ask(`{"input":[{"role":"user","content":"weather?"}]}`)
	r.Answered(first, session.Opening([]llm.Part{llm.ToolCall{ID: "c", Name: "weather"}}))
	for _, call := range []string{
		`{"type":"function_call","call_id":"c","name":"weather","arguments":"{}"}`,
		`{"arguments":"{}","call_id":"c","name":"weather","type":"function_call"}`,
	} {
		if got := ask(`{"input":[{"role":"user","content":"weather?"},` + call + `]}`); got.ID != first.ID {
			t.Errorf("%s: session %s, want %s", call, got.ID, first.ID)
		}
	}
}
