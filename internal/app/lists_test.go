package app_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/app"
	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/httpapi"
)

// listed is a provider whose list is what a test says, and that answers for any model.
type listed struct {
	list  atomic.Pointer[string] // the list's body; nil: it fails
	asked chan struct{}          // takes one for every reading that begins while somebody waits
	where string
}

func newListed(t *testing.T) *listed {
	t.Helper()
	l := &listed{asked: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case l.asked <- struct{}{}:
		default:
		}
		body := l.list.Load()
		w.Header().Set("Content-Type", "application/json")
		if body == nil {
			w.WriteHeader(http.StatusInternalServerError)
		} else {
			_, _ = io.WriteString(w, *body)
		}
	})
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"a","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	l.where = s.URL + "/v1"
	return l
}

func (l *listed) say(models ...string) {
	var data []string
	for _, m := range models {
		data = append(data, fmt.Sprintf(`{"id":%q,"object":"model","created":1,"owned_by":"x"}`, m))
	}
	body := `{"object":"list","data":[` + strings.Join(data, ",") + `]}`
	l.list.Store(&body)
}

// refreshed waits until what the list says now has been taken in: a reading begins
// after the one before has been.
func (l *listed) refreshed(t *testing.T) {
	t.Helper()
	for range 2 {
		select {
		case <-l.asked:
		case <-time.After(20 * time.Second):
			t.Fatal("the list isn't read")
		}
	}
}

// answering asks for a name and says which model answered, with the status.
func (g *gateway) answering(t *testing.T, model string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, g.url+"/v1/chat/completions", strings.NewReader(fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hi"}]}`, model)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+firstKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return fmt.Sprintf("%d %s/%s", resp.StatusCode, resp.Header.Get("X-Oido-Provider"), resp.Header.Get("X-Oido-Model"))
}

// A model that leaves its list leaves every chain within one reading, and comes back
// with it; a list that fails or is empty takes nothing away.
func TestChainsFollowTheLists(t *testing.T) {
	t.Parallel()
	one, two := newListed(t), newListed(t)
	one.say("big", "small")
	two.say("spare")
	cfg, err := load(t, t.TempDir(), fmt.Sprintf(`
keys: [{key: %s, org: acme, user: ada, role: admin}]
providers:
  one: {type: openai, base_url: %q, api_key: k, formats: [chat], models_ttl: 1s}
  two: {type: openai, base_url: %q, api_key: k, formats: [chat], models_ttl: 1s}
aliases: {mine: [one/big, two/spare]}
classes: {reasoning: {chain: [one/big, one/small]}}
workloads: {support: {chain: [mine]}, research: {class: reasoning}}
`, firstKey, one.where, two.where))
	if err != nil {
		t.Fatal(err)
	}
	log := &locked{}
	g := newGateway(t, cfg, log)
	g.WaitLists(t.Context())
	for _, c := range []struct {
		name   string
		change func()
		want   [4]string // of mine, workload/support, class/reasoning, workload/research
	}{
		{"at first", func() {}, [4]string{"one/big", "one/big", "one/big", "one/big"}},
		{"it has left", func() { one.say("small") }, [4]string{"two/spare", "two/spare", "one/small", "one/small"}},
		{"the list fails", func() { one.list.Store(nil) }, [4]string{"two/spare", "two/spare", "one/small", "one/small"}},
		{"the list is empty", func() { one.say() }, [4]string{"two/spare", "two/spare", "one/small", "one/small"}},
		{"it is back", func() { one.say("big", "small") }, [4]string{"one/big", "one/big", "one/big", "one/big"}},
	} {
		c.change()
		one.refreshed(t)
		for i, name := range []string{"mine", "workload/support", "class/reasoning", "workload/research"} {
			if got := g.answering(t, name); got != "200 "+c.want[i] {
				t.Errorf("%s: %s is %s, want %s", c.name, name, got, c.want[i])
			}
		}
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	text := log.b.String()
	for _, place := range []string{"aliases.mine[0]", "classes.reasoning.chain[0]"} {
		if n := strings.Count(text, "place="+place+" model=one/big"); n != 1 {
			t.Errorf("%s is told %d times:\n%s", place, n, text)
		}
	}
	if strings.Contains(text, "place=workloads") {
		t.Errorf("a place is told that names no model:\n%s", text)
	}
}

// Doctor says which places name models that end, those that orgs have added among
// them, and what to do.
func TestDoctorNamesThePlacesOfModelsThatEnd(t *testing.T) {
	t.Parallel()
	up := newListed(t)
	soon := time.Now().UTC().AddDate(0, 0, 10).Format(time.DateOnly)
	body := `{"object":"list","data":[{"id":"old","object":"model","created":1,"owned_by":"x","shutdown_date":"2020-01-01"},
		{"id":"fading","object":"model","created":1,"owned_by":"x","shutdown_date":"` + soon + `"},{"id":"new","object":"model","created":1,"owned_by":"x"}]}`
	up.list.Store(&body)
	dir := t.TempDir()
	text := fmt.Sprintf(`
keys: [{key: %s, org: acme, user: ada, role: admin}]
providers: {one: {type: openai, base_url: %q, api_key: k, formats: [chat]}}
workloads: {support: {chain: [one/old, one/new], switch: [one/fading]}}
aliases: {fine: one/new}
`, firstKey, up.where)
	cfg, err := load(t, dir, text)
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, cfg, &locked{})
	if _, _, err := g.PutPolicy(t.Context(), httpapi.PolicyEntry{Org: "acme", Section: "aliases", Name: "mine", Settings: []byte(`{"chain":["one/fading","fine"]}`)}, 0); err != nil {
		t.Fatal(err)
	}
	found := func(cfg *config.Config, only string) (out []string) {
		for c := range app.CheckInstallation(t.Context(), cfg, app.CheckOptions{Only: only}) {
			if c.Step == "models" {
				out = append(out, fmt.Sprintf("%s: %s (wrong %t, soon %t)", c.What, c.Says, c.Err != nil, c.Soon))
			}
		}
		return out
	}
	if d := cmp.Diff([]string{
		"workloads.support.chain[0]: the model one/old is retired since 2020-01-01; its provider names no replacement (wrong true, soon false)",
		"workloads.support.switch: one/fading ends on " + soon + "; its provider names no replacement (wrong false, soon true)",
		"aliases.mine[0] of org acme: one/fading ends on " + soon + "; its provider names no replacement (wrong false, soon true)",
	}, found(cfg, "")); d != "" {
		t.Error(d)
	}
	quiet, err := load(t, t.TempDir(), text+"replace: off\n")
	if err != nil {
		t.Fatal(err)
	}
	if got := append(found(cfg, "one"), found(quiet, "")...); len(got) > 0 {
		t.Error(got)
	}
}
