package e2e

import (
	"bytes"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// Tokens are counted by the provider where it can be asked in the client's format,
// else estimated; the answer says which, and neither is a turn.
func TestTokensAreCountedByTheProvider(t *testing.T) {
	t.Parallel()
	l := newEmbedLab(t)
	prompt := strings.Repeat("word ", 40)
	message := `"messages":[{"role":"user","content":"` + prompt + `"}]`
	contents := `"contents":[{"role":"user","parts":[{"text":"` + prompt + `"}]}]`
	const messages, field, total = "/v1/messages/count_tokens", `"input_tokens":`, `"totalTokens":`
	for _, c := range []struct{ name, path, body, quality, field string }{
		{"its own", messages, `{"model":"messages/sim",` + message + `}`, "exact", field},
		{"by an alias", messages, `{"model":"vectors",` + message + `}`, "exact", field},
		{"another format", messages, `{"model":"openai/sim",` + message + `}`, "estimated", field},
		{"a model that nobody has", messages, `{"model":"nothing",` + message + `}`, "estimated", field},
		{"a provider that is down", messages, `{"model":"messages/sim-e503",` + message + `}`, "estimated", field},
		{"a provider that refuses the account", messages, `{"model":"messages/sim-e403",` + message + `}`, "estimated", field},
		{"its own", "/v1beta/models/gemini/sim:countTokens", `{` + contents + `}`, "exact", total},
		{"a whole request", "/v1beta/models/gemini/sim:countTokens", `{"generateContentRequest":{"model":"models/gemini/sim",` + contents + `}}`, "exact", total},
		{"another format", "/v1beta/models/messages/sim:countTokens", `{` + contents + `}`, "estimated", total},
		{"its own, at a cloud", "/v1beta/models/vertex-project/sim:countTokens", `{` + contents + `}`, "exact", total},
		{"Claude at a cloud", messages, `{"model":"vertex-project/claude-sonnet-4-5-sim",` + message + `}`, "exact", field},
		{"Claude at a cloud that counts otherwise", messages, `{"model":"bedrock/anthropic.claude-sonnet-4-5-sim",` + message + `}`, "estimated", field},
		{"the same, with what an answer needs", messages, `{"model":"bedrock/anthropic.claude-sonnet-4-5-sim","max_tokens":9,` + message + `}`, "estimated", field},
		{"another format, at a cloud", messages, `{"model":"bedrock/amazon.nova-sim",` + message + `}`, "estimated", field},
	} {
		status, header, answer := l.sendTo(t, c.path, c.body)
		if status != 200 || header.Get("X-Oido-Usage-Quality") != c.quality || !strings.Contains(string(answer), c.field) || header.Get("X-Oido-Turn") != "" {
			t.Errorf("%s at %s: %d %v %s", c.name, c.path, status, header, answer)
		}
	}
	for path, body := range map[string]string{
		messages:                                `{"model":"messages/sim","messages":[{"role":"king","content":"a"}]}`,
		"/v1beta/models/gemini/sim:countTokens": `{"contents":[{"role":"king","parts":[{"text":"a"}]}]}`,
	} {
		status, _, answer := l.sendTo(t, path, body)
		if status != 400 || !strings.Contains(string(answer), "king") && !strings.Contains(string(answer), "role") {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
	l.turns(t, 0)
	var asked []struct {
		Path string `json:"path"`
	}
	getJSON(t, l.sim+"/sim/requests", &asked)
	for _, r := range asked {
		if strings.HasPrefix(r.Path, "/bedrock/model/") || strings.Contains(r.Path, "rawPredict") && !strings.Contains(r.Path, "count-tokens") {
			t.Errorf("%s was asked for an answer", r.Path)
		}
	}
}

// The question reaches the provider as it was written but for the model's name.
func TestCountsAreForwardedAsBytes(t *testing.T) {
	t.Parallel()
	l := newEmbedLab(t)
	for _, c := range []struct{ path, body, want string }{
		{
			"/v1/messages/count_tokens", `{ "messages":[{"role":"user" ,"content":"a"}],"model":"messages/sim"}`,
			`{ "messages":[{"role":"user" ,"content":"a"}],"model":"sim"}`,
		},
		{
			"/v1beta/models/gemini/sim:countTokens", `{ "generateContentRequest" :{"model":"models/gemini/sim", "contents":[{"parts":[{"text":"a"}]}]}}`,
			`{ "generateContentRequest" :{"model":"models/sim", "contents":[{"parts":[{"text":"a"}]}]}}`,
		},
	} {
		got := l.received(t, "sim", 1, func() {
			if status, _, answer := l.sendTo(t, c.path, c.body); status != 200 {
				t.Errorf("%s: %d %s", c.path, status, answer)
			}
		})
		if diff := cmp.Diff([]string{c.want}, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.path, diff)
		}
	}
}

// TestGuessesAreCorrectedByWhatProvidersCount: of a model with other tokens than most
// have, for counting and for an answer that broke off before its usage was told.
func TestGuessesAreCorrectedByWhatProvidersCount(t *testing.T) {
	t.Parallel()
	l := newEmbedLab(t)
	prompt := func(n int) string { return strings.Repeat("so many words ", n) }
	tokens := func(n int) float64 { return float64(len(prompt(n))) / 4 * 1.6 }
	chat := func(n int, stream string) string {
		return `{"model":"openai/sim-finer160",` + stream + `"messages":[{"role":"user","content":"` + prompt(n) + `"}]}`
	}
	near := func(what string, got int64, want float64) {
		t.Helper()
		if math.Abs(float64(got)-want) > 0.15*want {
			t.Errorf("%s: %d tokens, want about %.0f", what, got, want)
		}
	}
	counts := func(n int) (messages, gemini int64) {
		t.Helper()
		for _, c := range []struct {
			path, body string
			to         *int64
		}{
			{"/v1/messages/count_tokens", chat(n, ""), &messages},
			{"/v1beta/models/openai/sim-finer160:countTokens", `{"contents":[{"role":"user","parts":[{"text":"` + prompt(n) + `"}]}]}`, &gemini},
		} {
			status, header, answer := l.sendTo(t, c.path, c.body)
			var told struct {
				Messages int64 `json:"input_tokens"`
				Gemini   int64 `json:"totalTokens"`
			}
			if err := json.Unmarshal(answer, &told); err != nil || status != 200 || header.Get("X-Oido-Usage-Quality") != "estimated" {
				t.Fatalf("%s: %d %v %s", c.path, status, header, answer)
			}
			*c.to = told.Messages + told.Gemini
		}
		return messages, gemini
	}
	if m, _ := counts(300); float64(m) > 0.7*tokens(300) {
		t.Errorf("%d tokens are guessed before any were counted", m)
	}
	for i := range 4 {
		path, body := "/v1/chat/completions", chat(100+100*i, "")
		if i == 3 {
			body = chat(400, `"stream":true,`)
		}
		if status, _, answer := l.sendTo(t, path, body); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	for _, n := range []int{100, 300, 2000} {
		m, g := counts(n)
		near("count_tokens", m, tokens(n))
		near("countTokens", g, tokens(n))
	}
	// Messages tells the prompt's tokens before the provider has.
	_, _, answer := l.sendTo(t, "/v1/messages", chat(500, `"stream":true,"max_tokens":1000,`))
	_, begins, _ := strings.Cut(string(answer), `"input_tokens":`)
	told, err := strconv.ParseInt(begins[:max(strings.IndexAny(begins, ",}"), 0)], 10, 64)
	if err != nil {
		t.Errorf("%v in %.1000s", err, answer)
	}
	near("the start of a message", told, tokens(500))
	l.script(t, "sim-finer160", "cut2")
	if status, answer, err := l.post(t, "/v1/chat/completions", chat(500, `"stream":true,`)); status != 200 || err == nil {
		t.Fatalf("not cut: %d %s", status, answer)
	}
	rows := l.turns(t, 6)
	if rows[0].Status != "cut" || rows[0].Quality != "estimated" || rows[1].Quality != "exact" {
		t.Errorf("%+v", rows[:2])
	}
	near("an answer that broke off", rows[0].Input, tokens(500))
}

// script queues faults for the next requests of a model.
func (l *lab) script(t *testing.T, model string, faults ...string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"model": model, "faults": faults})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.sim+"/sim/script", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Fatal(resp.Status)
	}
}
