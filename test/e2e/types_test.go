package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
