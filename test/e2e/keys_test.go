package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// TestAProvidersWrongKey: in each vendor's way of saying so, a wrong key is
// passed over for the next one, and where there is no other it is the operator's
// fault, not the client's.
func TestAProvidersWrongKey(t *testing.T) {
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data")}
	text := fmt.Sprintf("keys: [{key: %s, org: acme, user: ada, role: admin}]\nproviders:\n", key)
	bases := map[string]string{
		"chat": `type: openai, base_url: "%s/openai/v1", formats: [chat]`, "messages": `type: anthropic, base_url: "%s/anthropic"`,
		"responses": `type: openai, base_url: "%s/openai/v1", formats: [responses]`, "gemini": `type: gemini, base_url: "%s/gemini"`,
		"nvidia": `type: nvidia, base_url: "%s/nvidia/v1"`, "mistral": `type: mistral, base_url: "%s/mistral/v1"`, "xai": `type: xai, base_url: "%s/xai/v1"`,
		"groq": `type: groq, base_url: "%s/groq/openai/v1"`, "together": `type: together, base_url: "%s/together/v1"`,
		"moonshot": `type: moonshot, base_url: "%s/moonshot/v1"`, "dashscope": `type: dashscope, base_url: "%s/dashscope/compatible-mode/v1"`,
	}
	listless := 1 // types whose list can't show that the key is wrong
	for name, base := range bases {
		base = fmt.Sprintf(base, sim.url)
		text += fmt.Sprintf("  %s: {%s, api_key: bad-key-of-the-operator}\n  %s-two: {%s, api_keys: [bad-key-of-the-operator, good]}\n", name, base, name, base)
	}
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	for name := range bases {
		for i := range dialects {
			path, doc := dialects[i].hello(name+"/sim", false)
			status, answer, err := l.post(t, path, doc)
			if status != 502 && status != 503 || err != nil || strings.Contains(answer, "bad-key") || strings.Contains(strings.ToLower(answer), "pass a valid") {
				t.Errorf("%s at %s: %d %v %s", dialects[i].name, name, status, err, answer)
			}
		}
		status, answer, err := l.post(t, "/v1/chat/completions", hello(name+"-two/sim", false))
		if status != 200 || err != nil {
			t.Errorf("%s with a second key: %d %v %s", name, status, err, answer)
		}
	}
	kinds := map[string]int{}
	for _, row := range l.turns(t, len(bases)*(len(dialects)+1)) {
		var one struct {
			Attempts []struct {
				Kind *string `json:"error_kind"`
			} `json:"attempt_list"`
		}
		text := get(t, l.url+"/api/v1/turns/"+row.ID)
		if err := json.Unmarshal([]byte(text), &one); err != nil || len(one.Attempts) == 0 || strings.Contains(text, "bad-key") {
			t.Fatal(err, text)
		}
		if k := one.Attempts[0].Kind; k != nil {
			kinds[row.Provider+" "+*k]++
		}
	}
	for name := range bases {
		if kinds[name+" auth"] == 0 {
			t.Errorf("%s: a wrong key is no matter of authentication: %v", name, kinds)
		}
	}
	out, _, status := l.command(t, "providers")
	if status != 0 || strings.Count(out, "key is wrong") < len(bases)-listless || strings.Contains(out, "bad-key") {
		t.Errorf("%d %s", status, out)
	}
}

// get reads an answer of the management API.
func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
