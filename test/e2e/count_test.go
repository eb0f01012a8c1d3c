package e2e

import (
	"strings"
	"testing"

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
