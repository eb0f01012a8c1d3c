package dispatch_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
)

const (
	callBegins = `data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"look","arguments":""}}]},"finish_reason":null}]}` + "\n\n"
	callGoesOn = `data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":%q}}]},"finish_reason":null}]}` + "\n\n"
	callEnds   = `data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}` + "\n\n"
)

func calling(arguments string) []any {
	return []any{began, callBegins, fmt.Sprintf(callGoesOn, arguments[:1]), fmt.Sprintf(callGoesOn, arguments[1:]), callEnds, used, end}
}

// uses finds answers of no use that are empty, or whose calls' arguments hold "bad".
func uses(parts []llm.Part, finish llm.FinishReason) string {
	for _, p := range parts {
		if c, ok := p.(llm.ToolCall); ok && strings.Contains(c.Arguments, "bad") {
			return "a bad call"
		}
	}
	if len(parts) == 0 && finish != "" {
		return "it is empty"
	}
	return ""
}

// An answer of no use that nobody has seen is given up for one of a stronger model;
// one that the client has is noted.
func TestAnswersOfNoUseMoveUp(t *testing.T) {
	t.Parallel()
	whole := func(message string) []any {
		return []any{strings.Replace(answered, `{"role":"assistant","content":"hello"}`, message, 1)}
	}
	for name, c := range map[string]struct {
		stream      bool
		weak        []any
		strongFails bool
		asked       []string
		used        string // by whose answer, from the recorder
		useless     string
		has, hasNot string
	}{
		"a good call, in a stream":   {stream: true, weak: calling(`{"a":"good"}`), asked: []string{"weak"}, used: "done 0 ok", has: "good"},
		"a bad call, in a stream":    {stream: true, weak: calling(`{"a":"bad"}`), asked: []string{"weak", "strong"}, used: "done 1 ok", has: "hello", hasNot: "bad"},
		"nothing, in a stream":       {stream: true, weak: []any{began, finish, used, end}, asked: []string{"weak", "strong"}, used: "done 1 ok", has: "hello"},
		"a bad call after words":     {stream: true, weak: append([]any{began, word}, calling(`{"a":"bad"}`)[1:]...), asked: []string{"weak"}, used: "done 0 ok", useless: "a bad call", has: "bad"},
		"words after a bad call":     {stream: true, weak: append(append([]any{}, calling(`{"a":"bad"}`)[:4]...), word, callEnds, used, end), asked: []string{"weak", "strong"}, used: "done 1 ok", has: "hello", hasNot: "bad"},
		"no stronger model answers":  {stream: true, weak: calling(`{"a":"bad"}`), strongFails: true, asked: []string{"weak", "strong", "weak"}, used: "done 2 ok", useless: "a bad call", has: "bad"},
		"words":                      {weak: whole(`{"role":"assistant","content":"fine"}`), asked: []string{"weak"}, used: "done 0 ok", has: "fine"},
		"a bad call":                 {weak: whole(`{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"look","arguments":"bad"}}]}`), asked: []string{"weak", "strong"}, used: "done 1 ok", has: "hello", hasNot: "bad"},
		"nothing":                    {weak: whole(`{"role":"assistant","content":""}`), asked: []string{"weak", "strong"}, used: "done 1 ok", has: "hello"},
		"nothing from anybody":       {weak: whole(`{"role":"assistant","content":""}`), strongFails: true, asked: []string{"weak", "strong", "weak"}, used: "done 2 ok", useless: "it is empty", has: "{"},
		"more than can be held back": {stream: true, weak: append(append(append([]any{}, calling(`{"a":"bad"}`)[:4]...), fmt.Sprintf(callGoesOn, strings.Repeat("x", 600<<10)), fmt.Sprintf(callGoesOn, "y")), callEnds, used, end), asked: []string{"weak"}, used: "done 0 ok", useless: "a bad call", has: "bad"},
	} {
		for _, client := range []llm.Format{llm.FormatChat, llm.FormatMessages} {
			t.Run(name+", "+string(client), func(t *testing.T) {
				t.Parallel()
				bubble(t, func(t *testing.T) {
					var asked []string
					r := newRig(t, rigOptions{}, func(w http.ResponseWriter, req *http.Request) {
						b, _ := io.ReadAll(req.Body)
						model, answer := "weak", c.weak
						if strings.Contains(string(b), `"strong"`) {
							model, answer = "strong", []any{began, word, finish, used, end}
							if !c.stream {
								answer = []any{answered}
							}
						}
						asked = append(asked, model)
						switch {
						case model == "strong" && c.strongFails:
							w.WriteHeader(http.StatusInternalServerError)
						case c.stream:
							say(w, answer...)
						default:
							text, _ := answer[0].(string)
							_, _ = io.WriteString(w, text)
						}
					})
					body := `{"model":"m","messages":[{"role":"user","content":"hi"}]`
					if client == llm.FormatMessages {
						body += `,"max_tokens":9`
					}
					if c.stream {
						body += `,"stream":true`
					}
					call := r.call(client, body+"}")
					call.Useless = uses
					r.out.start = time.Now()
					o, _ := r.d.Run(t.Context(), call, []dispatch.Candidate{
						{Account: r.account, Model: "weak"}, {Account: r.account, Model: "unasked"}, {Account: r.account, Model: "strong", Up: true},
					}, r, r.out)
					if d := cmp.Diff(c.asked, asked); d != "" {
						t.Error(d)
					}
					if got := r.events[len(r.events)-1]; got != c.used || o.Useless != c.useless || o.Status != dispatch.StatusOK {
						t.Errorf("%s, %q of no use, want %s, %q: %v", got, o.Useless, c.used, c.useless, o.Err)
					}
					answer := string(o.Body) + r.out.text()
					if !strings.Contains(answer, c.has) || c.hasNot != "" && strings.Contains(answer, c.hasNot) {
						t.Errorf("the client got %.3000s", answer)
					}
					for i, a := range o.Attempts {
						if a.Metered.Usage.Output == 0 && (!c.strongFails || i != 1) {
							t.Errorf("attempt %d used nothing: %+v", i, a.Metered)
						}
					}
				})
			})
		}
	}
}

// Where the attempts don't reach for a stronger model and back, an answer of little
// use is the answer.
func TestAnAnswerIsGivenUpOnlyForAnother(t *testing.T) {
	t.Parallel()
	for attempts, want := range map[int]string{1: "weak", 2: "weak", 3: "weak strong weak", 0: "weak strong weak"} {
		bubble(t, func(t *testing.T) {
			var asked []string
			r := newRig(t, rigOptions{}, func(w http.ResponseWriter, req *http.Request) {
				b, _ := io.ReadAll(req.Body)
				if strings.Contains(string(b), `"strong"`) {
					asked = append(asked, "strong")
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
				asked = append(asked, "weak")
				_, _ = io.WriteString(w, strings.Replace(answered, `"hello"`, `""`, 1))
			})
			call := r.call(llm.FormatChat, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`)
			call.Useless, call.Attempts = uses, attempts
			o, _ := r.d.Run(t.Context(), call, []dispatch.Candidate{{Account: r.account, Model: "weak"}, {Account: r.account, Model: "strong", Up: true}}, r, r.out)
			if got := strings.Join(asked, " "); got != want || o.Status != dispatch.StatusOK || o.Useless == "" {
				t.Errorf("%d attempts: asked %s, want %s: %s %v", attempts, got, want, o.Status, o.Err)
			}
		})
	}
}
