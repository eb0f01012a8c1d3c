package dispatch_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
)

// runAs has a certain model answer.
func (r *rig) runAs(model string, c *dispatch.Call) *dispatch.Outcome {
	r.t.Helper()
	o, _ := r.d.Run(r.t.Context(), c, []dispatch.Candidate{{Account: r.account, Model: model}}, r, r.out)
	return o
}

// A model that answers in streams alone is asked for one, and the client that
// wanted a whole answer gets it whole.
func TestAWholeAnswerIsGatheredFromAStream(t *testing.T) {
	for f, body := range map[llm.Format]string{
		llm.FormatChat:     asked,
		llm.FormatMessages: `{"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hi"}]}`,
	} {
		bubble(t, func(t *testing.T) {
			var sent string
			r := newRig(t, rigOptions{typ: "dashscope"}, func(w http.ResponseWriter, q *http.Request) {
				b, err := io.ReadAll(q.Body)
				if err != nil {
					t.Error(err)
				}
				sent = string(b)
				say(w, began, time.Second, word, word, finish, used, end)
			})
			o := r.runAs("qwen3-32b", r.call(f, body))
			if o.Status != dispatch.StatusOK || !strings.Contains(string(o.Body), "hellohello") || o.Last().Metered.Usage.Total() != 5 || o.Last().FirstEvent != time.Second {
				t.Errorf("%s: %s %+v %s", f, o.Status, o.Last(), o.Body)
			}
			if !strings.Contains(sent, `"stream":true,"stream_options":{"include_usage":true}`) {
				t.Errorf("%s: sent %s", f, sent)
			}
		})
	}
}

// What goes wrong in such a stream is a clean refusal.
func TestAGatheredAnswerIsBoundedAndWhole(t *testing.T) {
	for name, pieces := range map[string][]any{
		"cut":       {began, word},
		"an error":  {began, word, `data: {"error":{"message":"busy","code":503}}` + "\n\n"},
		"too large": {began, strings.Repeat(word, 200), finish, end},
		"nothing":   {end},
	} {
		bubble(t, func(t *testing.T) {
			r := newRig(t, rigOptions{typ: "dashscope"}, func(w http.ResponseWriter, _ *http.Request) { say(w, pieces...) })
			r.d.MaxAnswer = 10_000
			if o := r.runAs("qwen3-32b", r.call(llm.FormatChat, asked)); o.Status != dispatch.StatusError || o.Err == nil || o.Body != nil {
				t.Errorf("%s: %s %v %s", name, o.Status, o.Err, o.Body)
			}
		})
	}
}

// A conversation that began elsewhere holds ids and fields that a strict vendor
// refuses: it is written anew, and only then.
func TestAConversationIsFittedToTheModel(t *testing.T) {
	const turn = `{"model":"m","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,%"tool_calls":[{"id":"ID","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"ID","content":"r"}],"temperature":0.5}`
	for name, c := range map[string]struct {
		id, extra string
		same      bool
	}{
		"fits":          {"abcdefgh1", "", true},
		"id":            {"call_0123456789", "", false},
		"its reasoning": {"abcdefgh1", `"reasoning_content":"hm",`, false},
	} {
		bubble(t, func(t *testing.T) {
			var sent string
			r := newRig(t, rigOptions{typ: "mistral"}, func(w http.ResponseWriter, q *http.Request) {
				b, err := io.ReadAll(q.Body)
				if err != nil {
					t.Error(err)
				}
				sent = string(b)
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, answered)
			})
			body := strings.Replace(strings.ReplaceAll(turn, "ID", c.id), "%", c.extra, 1)
			o := r.runAs("m", r.call(llm.FormatChat, body))
			if o.Status != dispatch.StatusOK || !o.Last().Forwarded || (sent == body) != c.same {
				t.Errorf("%s: %s, sent %s", name, o.Status, sent)
			}
			if strings.Contains(sent, "call_0123") || strings.Contains(sent, "reasoning_content") || !strings.Contains(sent, `"temperature":0.5`) {
				t.Errorf("%s: sent %s", name, sent)
			}
		})
	}
}

// A vendor's own words for what is wrong decide what follows: a key whose money is
// spent makes way for another, whatever the status.
func TestAVendorsWordsDecideWhatFollows(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, rigOptions{typ: "dashscope", keys: []string{"poor", "rich"}}, func(w http.ResponseWriter, q *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if q.Header.Get("Authorization") == "Bearer poor" {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"error":{"message":"Access denied, please make sure your account is in good standing.","type":"Arrearage","code":"Arrearage"}}`)
				return
			}
			_, _ = io.WriteString(w, answered)
		})
		o := r.runAs("m", r.call(llm.FormatChat, asked))
		if o.Status != dispatch.StatusOK || len(o.Attempts) > 2 {
			t.Errorf("%s %v", o.Status, o.Attempts)
		}
		for _, a := range o.Attempts[:len(o.Attempts)-1] {
			if a.Err.Kind != llm.KindQuota {
				t.Errorf("%v", a.Err)
			}
		}
	})
}
