package dispatch_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
)

const messagesSays = `{"id":"msg","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"ok"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":1}}`

// A client that was interrupted leaves calls without results. It is told so by the
// provider alone where reading each request for it would cost more than it is worth.
func TestATornConversationIsMendedOnceItIsRefused(t *testing.T) {
	const call = `{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}`
	for _, c := range []struct {
		name, messages string
		sent           int
		mended         string
	}{
		{"a call without a result", `{"role":"user","content":"hi"},` + call + `,{"role":"user","content":"go on"}`, 2, `{"role":"tool","content":"(no result)","tool_call_id":"call_1"}`},
		{"a result without a call", `{"role":"tool","tool_call_id":"call_1","content":"found"},{"role":"user","content":"go on"}`, 2, `Result of : found`},
		{"nothing that can be mended", `{"role":"user","content":"hi"}`, 1, `"hi"`},
	} {
		bubble(t, func(t *testing.T) {
			var bodies []string
			r := newRig(t, rigOptions{}, func(w http.ResponseWriter, q *http.Request) {
				b, err := io.ReadAll(q.Body)
				if err != nil {
					t.Error(err)
				}
				if bodies = append(bodies, string(b)); len(bodies) == 1 {
					w.WriteHeader(400)
					_, _ = io.WriteString(w, `{"error":{"message":"An assistant message with 'tool_calls' must be followed by tool messages","type":"invalid_request_error"}}`)
					return
				}
				_, _ = io.WriteString(w, answered)
			})
			body := `{"model":"m","messages":[` + c.messages + `]}`
			o, _ := r.run(t.Context(), r.call(llm.FormatChat, body))
			if len(bodies) != c.sent || bodies[0] != body || !strings.Contains(bodies[len(bodies)-1], c.mended) || (o.Status == dispatch.StatusOK) != (c.sent == 2) {
				t.Errorf("%s: %s after %d: %s", c.name, o.Status, len(bodies), strings.Join(bodies, "\n"))
			}
		})
	}
}

// A turn that another model began has none of this one's reasoning, which a budget
// for it asks for: it goes on without, and isn't refused first.
func TestATurnThatAnotherModelBeganGoesOn(t *testing.T) {
	const (
		head = `{"model":"claude-sonnet-4-5","max_tokens":4000,"thinking":{"type":"enabled","budget_tokens":2000},"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[`
		call = `{"type":"tool_use","id":"toolu_1","name":"a-name-of-its-own-that-is-longer-than-other-vendors-take-as-it-is-said","input":{}}]},` +
			`{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"found"}]}]}`
	)
	for _, c := range []struct {
		name, body string
		same       bool
	}{
		{"its own", head + `{"type":"thinking","thinking":"hm","signature":"c2ln"},` + call, true},
		{"another's, unsigned", head + `{"type":"thinking","thinking":"hm","signature":""},` + call, false},
		{"none", head + call, false},
	} {
		bubble(t, func(t *testing.T) {
			var bodies []string
			r := newRig(t, rigOptions{typ: "anthropic"}, func(w http.ResponseWriter, q *http.Request) {
				b, err := io.ReadAll(q.Body)
				if err != nil {
					t.Error(err)
				}
				bodies = append(bodies, string(b))
				_, _ = io.WriteString(w, messagesSays)
			})
			o, _ := r.d.Run(t.Context(), r.call(llm.FormatMessages, c.body), []dispatch.Candidate{{Account: r.account, Model: "claude-sonnet-4-5"}}, r, r.out)
			if o.Status != dispatch.StatusOK || len(bodies) != 1 {
				t.Fatalf("%s: %s after %d", c.name, o.Status, len(bodies))
			}
			if thinks := strings.Contains(bodies[0], `"thinking"`); thinks != c.same || (bodies[0] == c.body) != c.same || !strings.Contains(bodies[0], `"a-name-of-its-own-that-is-longer-than-other-vendors-take-as-it-is-said"`) {
				t.Errorf("%s: sent %s", c.name, bodies[0])
			}
		})
	}
}

// Most conversations that nothing must be changed in go out unread: a look tells
// them from those in which a model would find another's reasoning, or miss its own.
func TestOnlyConversationsWithSomethingToChangeAreRead(t *testing.T) {
	const (
		chat     = `{"model":"m","messages":[{"role":"user","content":"hi"}%s]}`
		messages = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}%s]}`
		goOn     = `,{"role":"user","content":"go on"}`
	)
	for _, c := range []struct {
		name, typ, model, body string
		format                 llm.Format
		read                   bool
	}{
		{"a question", "openai", "m", fmt.Sprintf(chat, ""), llm.FormatChat, false},
		{"an answer", "openai", "m", fmt.Sprintf(chat, `,{"role":"assistant","content":"ok"}`+goOn), llm.FormatChat, false},
		{"a thought", "openai", "m", fmt.Sprintf(chat, `,{"role":"assistant","content":"ok","reasoning_content":"hm"}`+goOn), llm.FormatChat, true},
		{"a wish to reason", "openai", "m", `{"model":"m","reasoning_effort":"low","messages":[{"role":"assistant","content":"ok"},{"role":"user","content":"go on"}]}`, llm.FormatChat, false},
		{"details of a thought", "openai", "m", fmt.Sprintf(chat, `,{"role":"assistant","content":"ok","reasoning_details":[]}`+goOn), llm.FormatChat, true},
		{"a question of who replays", "deepseek", "deepseek-flash", fmt.Sprintf(chat, ""), llm.FormatChat, false},
		{"an answer of who replays", "deepseek", "deepseek-flash", fmt.Sprintf(chat, `,{"role":"assistant","content":"ok"}`+goOn), llm.FormatChat, true},
		{"a question", "anthropic", "m", fmt.Sprintf(messages, ""), llm.FormatMessages, false},
		{"an answer", "anthropic", "m", fmt.Sprintf(messages, `,{"role":"assistant","content":"ok"}`+goOn), llm.FormatMessages, true},
		{"a question of who signs", "gemini", "gemini-2.5-flash", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`, llm.FormatGemini, false},
		{"an answer of who signs", "gemini", "gemini-2.5-flash", `{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"text":"ok"}]}]}`, llm.FormatGemini, true},
		{"a question", "gemini", "gemini-2.0-flash", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`, llm.FormatGemini, false},
		{"a signed answer", "gemini", "gemini-2.0-flash", `{"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"text":"ok","thoughtSignature":"c2ln"}]}]}`, llm.FormatGemini, true},
		{"a question", "azure-openai", "gpt-4.1", `{"model":"m","input":"hi"}`, llm.FormatResponses, false},
		{"a thought", "azure-openai", "gpt-4.1", `{"model":"m","input":[{"type":"reasoning","id":"rs_1","encrypted_content":"c2ln","summary":[]},{"role":"user","content":"hi"}]}`, llm.FormatResponses, true},
	} {
		bubble(t, func(t *testing.T) {
			var body string
			r := newRig(t, rigOptions{typ: c.typ}, func(w http.ResponseWriter, q *http.Request) {
				b, err := io.ReadAll(q.Body)
				if err != nil {
					t.Error(err)
				}
				body = string(b)
				w.WriteHeader(http.StatusTeapot)
			})
			read := 0
			cand := dispatch.Candidate{Account: r.account, Model: c.model, Restore: func(q *llm.Request, _ llm.Origin) (*llm.Request, bool, error) {
				read++
				return q, false, nil
			}}
			r.d.Run(t.Context(), r.call(c.format, c.body), []dispatch.Candidate{cand}, r, r.out)
			if body == "" || (read > 0) != c.read {
				t.Errorf("%s of %s: read %d times, sent %s", c.name, c.format, read, body)
			}
		})
	}
}
