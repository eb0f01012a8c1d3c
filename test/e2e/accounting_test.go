package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// received is what the simulated providers were sent for a model while work ran,
// once that are count requests: they note them when they are answered.
func (l *lab) received(t *testing.T, model string, count int, work func()) (bodies []string) {
	t.Helper()
	ask := func(method string, want int) []byte {
		req, err := http.NewRequestWithContext(t.Context(), method, l.sim+"/sim/requests", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want {
			t.Fatal(resp.Status, err)
		}
		return b
	}
	ask(http.MethodDelete, http.StatusNoContent)
	work()
	for range 100 {
		var list []struct {
			Model string `json:"model"`
			Body  string `json:"body"`
		}
		if err := json.Unmarshal(ask(http.MethodGet, http.StatusOK), &list); err != nil {
			t.Fatal(err)
		}
		bodies = nil
		for _, r := range list {
			if r.Model == model {
				bodies = append(bodies, r.Body)
			}
		}
		if len(bodies) >= count {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return bodies
}

// A stream is counted as a whole answer is, whichever formats meet.
func TestWholeAndStreamedAnswersAreCountedAlike(t *testing.T) {
	l := newLab(t)
	for _, d := range dialects {
		for _, provider := range []string{"chat", "messages", "responses", "gemini", "deepseek"} {
			model := provider + "/sim-n4-cached50"
			for _, stream := range []bool{false, true} {
				path, doc := d.hello(model, stream)
				if status, answer, err := l.post(t, path, doc); status != 200 || err != nil {
					t.Fatalf("%s at %s: %d %v %s", d.name, model, status, err, answer)
				}
			}
		}
	}
	rows := l.turns(t, 2*len(dialects)*5)
	for i := 0; i < len(rows); i += 2 {
		streamed, whole := rows[i], rows[i+1]
		if whole.Input == 0 || whole.Cached == 0 || whole.Quality != "exact" || !streamed.Stream || whole.Stream ||
			whole.Provider != streamed.Provider || whole.Format != streamed.Format || whole.Quality != streamed.Quality ||
			whole.Input != streamed.Input || whole.Cached != streamed.Cached || whole.Output != streamed.Output {
			t.Errorf("whole %+v\nstreamed %+v", whole, streamed)
		}
	}
}

// Chat Completions tell the usage of a stream in a chunk without choices to those
// that ask. The gateway always asks; a client that didn't never sees it.
func TestUsageThatNobodyAskedForIsCountedAndNotShown(t *testing.T) {
	l := newLab(t)
	providers := []string{"chat", "messages", "responses", "gemini", "deepseek"}
	for _, provider := range providers {
		body := `{"model":"` + provider + `/sim-n3","stream":true,"messages":[{"role":"user","content":"hello there"}]}`
		status, answer, err := l.post(t, "/v1/chat/completions", body)
		if status != 200 || err != nil || strings.Contains(answer, `"choices":[]`) || !strings.HasSuffix(answer, "data: [DONE]\n\n") {
			t.Errorf("%s: %d %v %s", provider, status, err, answer)
		}
	}
	for _, row := range l.turns(t, len(providers)) {
		if row.Quality != "exact" || row.Input == 0 || row.Output == 0 {
			t.Errorf("%+v", row)
		}
	}
}

// An account with nothing left to spend is not asked again by itself, whatever it
// says of retrying.
func TestASpentAccountIsAskedOnce(t *testing.T) {
	l := newLab(t)
	for _, provider := range []string{"chat", "messages", "responses", "gemini", "deepseek"} {
		sent := l.received(t, "sim-quota", 1, func() {
			model := provider + "/sim-quota"
			if status, answer, err := l.post(t, "/v1/chat/completions", hello(model, false)); status < 400 || err != nil {
				t.Errorf("%s: %d %v %s", model, status, err, answer)
			}
		})
		if len(sent) != 1 {
			t.Errorf("%s was asked %d times", provider, len(sent))
		}
	}
}

// Reasoning that another model signed is refused by the provider; the conversation
// goes on without it.
func TestForeignReasoningDoesNotEndAConversation(t *testing.T) {
	l := newLab(t)
	for _, client := range []struct{ model, path, body string }{
		{"claude-sonnet-4-5-sim-think", "/v1/messages", `{"model":"messages/claude-sonnet-4-5-sim-think","max_tokens":3000,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[
			{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"foreign"},{"type":"text","text":"b"}]},{"role":"user","content":"c"}]}`},
		{"gpt-5.4-sim-think", "/v1/responses", `{"model":"responses/gpt-5.4-sim-think","store":false,"input":[
			{"role":"user","content":"a"},{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"foreign"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"b"}]},{"role":"user","content":"c"}]}`},
		{"gemini-3-pro-sim-think", "/v1beta/models/gemini/gemini-3-pro-sim-think:generateContent", `{"contents":[
			{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b","thoughtSignature":"foreign"}]},{"role":"user","parts":[{"text":"c"}]}]}`},
	} {
		sent := l.received(t, client.model, 2, func() {
			if status, answer, err := l.post(t, client.path, client.body); status != 200 || err != nil {
				t.Errorf("%s: %d %v %s", client.path, status, err, answer)
			}
		})
		if len(sent) != 2 || !strings.Contains(sent[0], `foreign`) || strings.Contains(sent[1], `foreign`) {
			t.Errorf("%s: sent %q", client.path, sent)
		}
	}
	for _, row := range l.turns(t, 3) {
		if row.Status != "ok" || row.Attempts != 2 {
			t.Errorf("%+v", row)
		}
	}
}
