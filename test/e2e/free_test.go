package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestFreeTiersAreUsedUpWithoutARefusal: what is free goes to the workload that
// prefers it while it lasts, and before its provider refuses the rest is paid.
func TestFreeTiersAreUsedUpWithoutARefusal(t *testing.T) {
	for name, c := range map[string]struct {
		provider string // an account with 20 requests a day
		model    string
		turns    int // at the same time
		free     int // at most, and at least for one at a time
		left     string
	}{
		"as configured": {`{type: gemini, base_url: "%[1]s/with/day20/gemini", api_key: k, free: {requests_per_day: 20}}`, "free/gemini-2.5-flash", 1, 19, "1 of 20 requests, resets "},
		"many at once":  {`{type: gemini, base_url: "%[1]s/with/day20/gemini", api_key: k, free: {requests_per_day: 20}}`, "free/gemini-2.5-flash", 40, 19, "1 of 20 requests, resets "},
		"as it tells":   {`{type: groq, base_url: "%[1]s/groq/openai/v1", api_key: k, free: {requests_per_day: 1000}, models: [{id: sim-day20}]}`, "free/sim-day20", 1, 19, "1 of 20 requests, resets "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := start(t, "sim", "--listen", "127.0.0.1:0")
			dir := t.TempDir()
			l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data"), sim: sim.url}
			text := fmt.Sprintf("keys: [{key: "+key+", org: acme, user: ada, role: admin}]\nproviders:\n  free: "+c.provider+`
  paid: {type: openai, base_url: "%[1]s/openai/v1", api_key: k, formats: [chat]}
workloads:
  nightly: {prefer: free, chain: [paid/sim, `+c.model+`]}
`, sim.url)
			if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			l.up(t)
			l.ready(t)
			by := map[string]int{}
			var mu sync.Mutex
			var all sync.WaitGroup
			turn := make(chan struct{}, c.turns)
			for range 40 {
				all.Go(func() {
					turn <- struct{}{}
					defer func() { <-turn }()
					status, header, answer := l.asked(t, "workload/nightly")
					mu.Lock()
					defer mu.Unlock()
					if by[header.Get("X-Oido-Provider")]++; status != http.StatusOK || header.Get("X-Oido-Attempts") != "1" {
						t.Errorf("%d after %s attempts: %.300s", status, header.Get("X-Oido-Attempts"), answer)
					}
				})
			}
			all.Wait()
			if by["free"] != c.free || by["paid"] != 40-c.free {
				t.Errorf("by %v", by)
			}
			for _, when := range []string{"running", "after a restart"} {
				out, errOut, status := l.command(t, "models", "--free")
				var line string
				for row := range strings.SplitSeq(out, "\n") {
					if strings.HasPrefix(row, c.model+" ") {
						line = row
					}
				}
				if status != 0 || !strings.Contains(out, "LEFT TODAY") || when == "running" && !strings.Contains(line, c.left) {
					t.Errorf("%s: %d %s%s", when, status, out, errOut)
				}
				if when != "running" {
					// What answers told isn't known any more, what was used is.
					if !strings.Contains(line, "1 of 20 requests") && !strings.Contains(line, "981 of 1,000 requests") {
						t.Errorf("%s: %s", when, line)
					}
					break
				}
				l.turns(t, 40)
				l.stop()
				l.up(t)
				l.ready(t)
			}
		})
	}
}

// TestARefusalOfFreeQuotaCounts: where nobody knows how much is free, the refusal
// tells, and until the vendor's day ends nothing is wasted on a second one.
func TestARefusalOfFreeQuotaCounts(t *testing.T) {
	for name, c := range map[string]struct{ provider, model, resets string }{
		"google":     {`{type: gemini, base_url: "%[1]s/with/day3/gemini", api_key: k}`, "free/gemini-2.5-flash", "used up until "},
		"openrouter": {`{type: openrouter, base_url: "%[1]s/with/day3/openrouter/api/v1", api_key: k, formats: [chat], free: {requests_per_day: 1000}}`, "free/openrouter/free", "used up until "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := start(t, "sim", "--listen", "127.0.0.1:0")
			dir := t.TempDir()
			l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data"), sim: sim.url}
			text := fmt.Sprintf("keys: [{key: "+key+", org: acme, user: ada, role: admin}]\nproviders:\n  free: "+c.provider+`
  paid: {type: openai, base_url: "%[1]s/openai/v1", api_key: k, formats: [chat]}
workloads:
  nightly: {prefer: free, chain: [paid/sim, `+c.model+`]}
`, sim.url)
			if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			l.up(t)
			l.ready(t)
			var got []string
			for range 6 {
				status, header, answer := l.asked(t, "workload/nightly")
				if status != http.StatusOK {
					t.Errorf("%d: %.300s", status, answer)
				}
				got = append(got, header.Get("X-Oido-Provider")+" "+header.Get("X-Oido-Attempts"))
			}
			if all := strings.Join(got, ", "); all != "free 1, free 1, free 1, paid 2, paid 1, paid 1" {
				t.Error(all)
			}
			if out, errOut, status := l.command(t, "models", "--free", "--provider", "free"); status != 0 || !strings.Contains(out, c.resets) {
				t.Errorf("%d %s%s", status, out, errOut)
			}
		})
	}
}

// asked asks a model for a word.
func (l *lab) asked(t *testing.T, model string) (status int, header http.Header, answer string) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.url+"/v1/chat/completions", strings.NewReader(hello(model, false)))
	if err != nil {
		t.Error(err)
		return 0, nil, ""
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, nil, ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, resp.Header, string(b)
}
