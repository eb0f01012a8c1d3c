package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newPrivateLab is a lab with an account that is for another org than its key's.
func newPrivateLab(t *testing.T) *lab {
	t.Helper()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data"), sim: sim.url}
	var cheap strings.Builder
	for i := range 9 {
		fmt.Fprintf(&cheap, "      - {id: sim-cheap-%d, tier: balanced, context: 100000, price: {input: 0.1, output: 0.1}}\n", i)
	}
	config := fmt.Sprintf(`keys:
  - {key: %s, org: acme, user: ada, role: admin}
  - {key: %s, org: globex, user: eve, role: admin}
replace: auto
providers:
  anthropic:
    base_url: "%[3]s/anthropic"
    api_key: k
    orgs: [globex]
    models:
%[4]s      - {id: claude-3-opus-20240229, context: 100000}
  open:
    type: openai
    base_url: "%[3]s/openai/v1"
    api_key: k
    formats: [chat]
    models:
      - {id: sim, tier: balanced, context: 100000, price: {input: 5, output: 5}}
      - {id: sim-strong, tier: frontier, context: 100000, price: {input: 9, output: 9}}
workloads:
  old: {chain: [claude-3-opus-20240229, anthropic/claude-3-opus-20240229, anthropic/claude-2.1, sim]}
`, key, strangerKey, sim.url, cheap.String())
	if err := os.WriteFile(l.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	l.ready(t)
	return l
}

// TestAnotherOrgsAccountChangesNothing: what is cheaper at an account that isn't for
// an org takes no place in its default chains, and nothing tells the org of it.
func TestAnotherOrgsAccountChangesNothing(t *testing.T) {
	t.Parallel()
	l := newPrivateLab(t)
	for _, name := range []string{"auto", "class/interactive", "class/high_volume", "class/long_context", "workload/support", "workload/extraction", "workload/old"} {
		status, header, answer := l.sendTo(t, "/v1/chat/completions", hello(name, false))
		if status != 200 || header.Get("X-Oido-Provider") != "open" || header.Get("X-Oido-Model") != "sim" {
			t.Errorf("%s: %d by %s/%s: %s", name, status, header.Get("X-Oido-Provider"), header.Get("X-Oido-Model"), answer)
		}
	}
	_, theirs := l.manageAs(t, strangerKey, "POST", "/api/v1/route/explain", hello("auto", false))
	if n := strings.Count(string(theirs), `"name":"anthropic/sim-cheap-`); n != 8 {
		t.Errorf("whose account it is has %d of its models: %s", n, theirs)
	}
	if status, _, answer := l.sendTo(t, "/v1/chat/completions", `{"model":"sim","messages":[{"role":"user","content":"hello"}],"prompt_cache_key":"mine"}`); status != 200 {
		t.Fatalf("%d %s", status, answer)
	}
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/api/v1/route/explain", hello("workload/old", false)},
		{"POST", "/api/v1/route/explain", hello("sim-cheep-1", false)},
		{"POST", "/api/v1/route/explain", hello("open/sim-cheep-1", false)},
		{"GET", "/api/v1/workloads", ""},
		{"PUT", "/api/v1/sessions/mine/model", `{"model":"open/sim-cheap-1"}`},
		{"PUT", "/api/v1/sessions/mine/model", `{"model":"sim-cheap-11"}`},
	} {
		_, answer := l.manageAs(t, key, c.method, c.path, c.body)
		if strings.Contains(string(answer), "anthropic/") {
			t.Errorf("%s %s %s tells of another org's account: %s", c.method, c.path, c.body, answer)
		}
	}
}
