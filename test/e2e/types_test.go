package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestEveryTypeIsWell: the doctor tries each type with a streamed call of a tool,
// and the lists of models tell what theirs say.
func TestEveryTypeIsWell(t *testing.T) {
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data")}
	text := fmt.Sprintf("keys: [{key: %s, org: acme, user: ada, role: admin}]\nproviders:\n", key)
	paths := map[string]string{
		"nvidia": "/nvidia/v1", "mistral": "/mistral/v1", "xai": "/xai/v1", "groq": "/groq/openai/v1", "together": "/together/v1",
		"moonshot": "/moonshot/v1", "alibaba": "/dashscope/compatible-mode/v1",
	}
	for name, path := range paths {
		text += fmt.Sprintf("  %s: {base_url: %q, api_key: k, models: [{id: sim-tools1, tools: true, price: {input: 0, output: 0}}]}\n", name, sim.url+path)
	}
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	l.ready(t)
	for name := range paths {
		out, errOut, status := l.command(t, "providers", "test", name)
		if status != 0 || !strings.Contains(out, "was asked for a tool call, streamed") {
			t.Errorf("%s: %d %s%s", name, status, out, errOut)
		}
	}
	out, _, status := l.command(t, "providers")
	for name := range paths {
		if status != 0 || !strings.Contains(out, name) {
			t.Errorf("%d, no %s in %s", status, name, out)
		}
	}
	models := get(t, l.url+"/v1/models")
	for _, want := range []string{`"together/meta-llama/Llama-3.3-70B-Instruct-Turbo"`, `"mistral/mistral-medium-2508"`, `"xai/grok-4.7"`, `"alibaba/qwen-flash"`} {
		if !strings.Contains(models, want) {
			t.Errorf("no %s in %.2000s", want, models)
		}
	}
	for _, wrong := range []string{"FLUX", "mistral-embed", "mistral-large-latest"} {
		if strings.Contains(models, wrong) {
			t.Errorf("lists %s, which writes no text or is another name", wrong)
		}
	}
	if status, text, err := l.post(t, "/v1/chat/completions", hello("mistral-large-latest", false)); status != 200 || err != nil {
		t.Errorf("another name of a model: %d %v %s", status, err, text)
	}
	known := get(t, l.url+"/api/v1/models?limit=500")
	for _, want := range []string{"2027-02-28", "mistral-medium-latest"} {
		if !strings.Contains(known, want) {
			t.Errorf("the list's end of a model, %s, is not told", want)
		}
	}
}

// TestAClientIsAnsweredInItsOwnFormat where the account speaks it, by the vendor in
// the same one, else in the account's richest.
func TestAClientIsAnsweredInItsOwnFormat(t *testing.T) {
	t.Parallel()
	l := newCloudLab(
		t,
		[2]string{"deepseek", `base_url: "SIM/deepseek", api_key: k, formats: {chat: "", responses: "", messages: "SIM/deepseek/anthropic"}, models: [{id: sim-n2}]`},
		[2]string{"openrouter", `base_url: "SIM/openrouter/api/v1", api_key: k, formats: [chat, messages, responses]`},
		[2]string{"moonshot", `base_url: "SIM/moonshot/v1", api_key: k, formats: {chat: "", messages: "SIM/moonshot/anthropic"}`},
		[2]string{"dashscope", `base_url: "SIM/dashscope/compatible-mode/v1", api_key: k, formats: {chat: "", responses: "", messages: "SIM/dashscope/apps/anthropic"}`},
		[2]string{"ollama", `base_url: "SIM/ollama", models: [{id: sim-n2}]`},
		[2]string{"compatible", `type: openai, base_url: "SIM/v1", api_key: k`},
	)
	want, all := map[string]int{
		"/deepseek/chat/completions": 2, "/deepseek/responses": 1, "/deepseek/anthropic/v1/messages": 1,
		"/openrouter/api/v1/chat/completions": 2, "/openrouter/api/v1/responses": 1, "/openrouter/api/v1/messages": 1,
		"/moonshot/v1/chat/completions": 3, "/moonshot/anthropic/v1/messages": 1,
		"/dashscope/compatible-mode/v1/chat/completions": 2, "/dashscope/compatible-mode/v1/responses": 1, "/dashscope/apps/anthropic/v1/messages": 1,
		"/ollama/v1/chat/completions": 3, "/ollama/v1/responses": 1,
		"/v1/chat/completions": 3, "/v1/responses": 2,
	}, 0
	for _, n := range want {
		all += n
	}
	// That a model isn't there says nothing of the format that it was asked in.
	if status, answer, err := l.post(t, "/v1/responses", `{"model":"compatible/no-such-model","input":"a"}`); status != http.StatusNotFound || err != nil {
		t.Errorf("%d %v %s", status, err, answer)
	}
	for _, provider := range []string{"deepseek", "openrouter", "moonshot", "dashscope", "ollama", "compatible"} {
		for i := range dialects {
			path, doc := dialects[i].hello(provider+"/sim-n2", false)
			if status, answer, err := l.post(t, path, doc); status != http.StatusOK || err != nil {
				t.Errorf("%s to %s: %d %v %s", dialects[i].name, provider, status, err, answer)
			}
		}
	}
	got := map[string]int{}
	for range 100 { // they are noted when they are answered
		var list []struct {
			Path  string `json:"path"`
			Model string `json:"model"`
		}
		getJSON(t, l.sim+"/sim/requests", &list)
		clear(got)
		n := 0
		for _, r := range list {
			if r.Model != "" {
				got[r.Path]++
				n++
			}
		}
		if n >= all {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
