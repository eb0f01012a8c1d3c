package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fickle is a provider whose list of models, and keys, change.
type fickle struct {
	mu    sync.Mutex // protects following fields
	list  string
	code  int
	dead  bool
	asked int // for the list
}

func (f *fickle) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case f.dead:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":{"message":"Incorrect API key provided.","code":"invalid_api_key"}}`)
	case r.Method == http.MethodGet:
		f.asked++
		w.WriteHeader(f.code)
		_, _ = io.WriteString(w, f.list)
	default:
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"alpha","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`)
	}
}

// change has the provider change, and waits until its list was read again after
// that. Twice, since the first time may have begun before.
func (f *fickle) change(t *testing.T, how func()) {
	t.Helper()
	f.mu.Lock()
	how()
	from, dead := f.asked, f.dead
	f.mu.Unlock()
	for deadline := time.Now().Add(20 * time.Second); !dead; time.Sleep(20 * time.Millisecond) {
		f.mu.Lock()
		now := f.asked
		f.mu.Unlock()
		if now >= from+2 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the list isn't read again")
		}
	}
}

func listed(ids ...string) string {
	var rows []string
	for _, id := range ids {
		rows = append(rows, fmt.Sprintf(`{"id":%q,"object":"model","created":1,"owned_by":"x"}`, id))
	}
	return `{"object":"list","data":[` + strings.Join(rows, ",") + `]}`
}

// TestListsThatChange has a model leave its provider's list and come back, the list
// fail and be empty, and at last the key die: plans change with the next list, and
// only as they should.
func TestListsThatChange(t *testing.T) {
	t.Parallel()
	f := &fickle{list: listed("alpha", "beta"), code: http.StatusOK}
	srv := httptest.NewServer(f)
	defer srv.Close()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data"), sim: sim.url}
	config := fmt.Sprintf(`keys: [{key: %s, org: acme, user: ada, role: admin}]
providers:
  near: {type: openai, base_url: "%s/v1", api_key: k, formats: [chat], models_ttl: 1s}
  far: {type: openai, base_url: "%s/openai/v1", api_key: k, formats: [chat]}
aliases:
  work: [near/alpha, far/sim-n2]
workloads:
  support: {chain: [near/alpha, far/sim-n2]}
`, key, srv.URL, sim.url)
	if err := os.WriteFile(l.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	turns := 0
	answers := func(when, provider, attempts string) {
		t.Helper()
		for _, model := range []string{"work", "workload/support"} {
			turns++
			x := l.send(t, &chatDialect, ask{model: model, said: []said{{text: question}}}, http.Header{"X-Oido-Session": {fmt.Sprint("s", turns)}})
			if h := x.header; x.status != http.StatusOK || h.Get("X-Oido-Provider") != provider || h.Get("X-Oido-Attempts") != attempts {
				t.Errorf("%s, %s: %d by %s in %s attempts, want %s in %s: %s", when, model, x.status, h.Get("X-Oido-Provider"), h.Get("X-Oido-Attempts"), provider, attempts, x.body)
			}
			if attempts == "2" {
				return // by now it is known
			}
		}
	}
	f.change(t, func() {})
	answers("at first", "near", "1")
	f.change(t, func() { f.list = listed("beta") })
	answers("when it left the list", "far", "1")
	f.change(t, func() { f.list = listed("beta", "alpha") })
	answers("when it is back", "near", "1")
	f.change(t, func() { f.list, f.code = `{"error":{"message":"sorry"}}`, http.StatusInternalServerError })
	answers("when the list fails", "near", "1")
	f.change(t, func() { f.list, f.code = listed(), http.StatusOK })
	answers("when the list is empty", "near", "1")
	f.change(t, func() { f.list = `{"status":"ok"}` })
	answers("when the list is something else", "near", "1")
	f.change(t, func() { f.list = listed("alpha") })
	f.change(t, func() { f.dead = true })
	answers("when the key dies", "far", "2")
	answers("when the key is dead", "far", "1")
	if x := l.send(t, &chatDialect, ask{model: "near/alpha", said: []said{{text: question}}}, nil); x.status != http.StatusBadGateway {
		t.Errorf("asked for alone: %d %s", x.status, x.body)
	}
}
