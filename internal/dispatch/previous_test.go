package dispatch_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
)

const (
	newOnly   = `{ "model":"m","input":"new words", "previous_response_id":"resp_1" }`
	wholeTold = `{ "model":"m","input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"old words"}]},{"type":"message","role":"user","content":[{"type":"input_text","text":"new words"}]}] }`
	response  = `{"id":"resp_2","object":"response","created_at":1,"status":"completed","model":"m","output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hello","annotations":[]}]}],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}`
)

func TestWhoKeepsAnAnswerIsNamedIt(t *testing.T) {
	t.Parallel()
	mine := llm.Origin{Provider: "up", Model: "other", Account: provider.HintOf("key-one")}
	for _, c := range []struct {
		name    string
		at      llm.Origin
		forgets string // what the provider says to the id
		lost    bool   // nobody else knows the conversation
		sent    []string
		failed  llm.Kind
	}{
		{"the one who gave it", mine, "", true, []string{newOnly}, ""},
		{"nobody keeps it", llm.Origin{}, "", false, []string{wholeTold}, ""},
		{"another key gave it", llm.Origin{Provider: "up", Account: "other"}, "", false, []string{wholeTold}, ""},
		{"another account gave it", llm.Origin{Provider: "down", Account: mine.Account}, "", false, []string{wholeTold}, ""},
		{"forgotten, by the field", mine, `{"error":{"message":"not found","param":"previous_response_id"}}`, false, []string{newOnly, wholeTold}, ""},
		{"forgotten, in words", mine, `{"error":{"message":"no response resp_1"}}`, false, []string{newOnly, wholeTold}, ""},
		{"something else is wrong", mine, `{"error":{"message":"too hot","param":"temperature"}}`, false, []string{newOnly}, llm.KindBadRequest},
		{"forgotten by all", mine, `{"error":{"message":"no response resp_1"}}`, true, []string{newOnly}, llm.KindBadRequest},
		{"nobody keeps it and all is lost", llm.Origin{}, "", true, nil, llm.KindUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				var sent []string
				r := newRig(t, rigOptions{typ: "xai"}, func(w http.ResponseWriter, r *http.Request) {
					b, _ := io.ReadAll(r.Body)
					sent = append(sent, string(b))
					if c.forgets != "" && strings.Contains(string(b), "previous_response_id") {
						w.WriteHeader(http.StatusBadRequest)
						_, _ = io.WriteString(w, c.forgets)
						return
					}
					_, _ = io.WriteString(w, response)
				})
				r.cand.KeepsAnswers = true
				call := r.call(llm.FormatResponses, newOnly)
				call.Previous = &dispatch.Previous{At: c.at, Conversation: func() ([]llm.Message, error) {
					if c.lost {
						return nil, llm.Errorf(llm.KindUnavailable, "the database is down")
					}
					return []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{llm.Text{Text: "old words"}}}}, nil
				}}
				o, _ := r.run(t.Context(), call)
				if d := cmp.Diff(c.sent, sent); d != "" {
					t.Error(d)
				}
				if (o.Err == nil) != (c.failed == "") || o.Err != nil && o.Err.Kind != c.failed {
					t.Errorf("ended with %v", o.Err)
				}
			})
		})
	}
}

// The answer that is kept is the one that the client was shown, a failed one too; of
// what broke there is none.
func TestTheAnswerOfAStreamIsKept(t *testing.T) {
	t.Parallel()
	event := func(name, rest string) string {
		return "event: " + name + "\ndata: {\"type\":\"" + name + "\",\"sequence_number\":0" + rest + "}\n\n"
	}
	delta := event("response.output_text.delta", `,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"hello"`)
	failed := strings.Replace(response, `"completed"`, `"failed"`, 1)
	for _, c := range []struct {
		name, typ string
		pieces    []any
		want      string // "" for none; "shown" for what the client saw
		status    dispatch.Status
	}{
		{"forwarded", "xai", []any{delta, event("response.completed", `,"response":`+response)}, response, dispatch.StatusOK},
		{"forwarded, failed", "xai", []any{delta, event("response.failed", `,"response":`+failed)}, failed, dispatch.StatusCut},
		{"forwarded, broken", "xai", []any{delta}, "", dispatch.StatusCut},
		{"forwarded, an error", "xai", []any{delta, event("error", `,"message":"x"`)}, "", dispatch.StatusCut},
		{"translated", "", []any{began, word, finish, used, end}, "shown", dispatch.StatusOK},
		{"translated, broken", "", []any{began, word}, "", dispatch.StatusCut},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				r := newRig(t, rigOptions{typ: c.typ}, func(w http.ResponseWriter, _ *http.Request) { say(w, c.pieces...) })
				call := r.call(llm.FormatResponses, `{"model":"m","stream":true,"input":"hi"}`)
				call.KeepAnswer = true
				o, _ := r.run(t.Context(), call)
				want := c.want
				if want == "shown" {
					_, want, _ = strings.Cut(r.out.text(), `event: response.completed`)
					_, want, _ = strings.Cut(want, `"response":`)
					want = strings.TrimSuffix(want, "}\n\n")
				}
				if string(o.Final) != want || o.Status != c.status || c.want != "" && want == "" {
					t.Errorf("ended %s with %s\nwant %s", o.Status, o.Final, want)
				}
			})
		})
	}
}
