package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/session"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
)

// pair is a gateway before two accounts of different vendors, whose clock is set by
// hand.
type pair struct {
	*rig
	now  time.Time
	down []string // keys that the providers refuse
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{rig: &rig{book: &book{}}, now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return p.now }
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); slices.Contains(p.down, key) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{"message":"slowly"}}`)
			return
		}
		_, _ = fmt.Fprintf(w, answered, "m")
	}))
	t.Cleanup(s.Close)
	accounts, listed := map[string]*provider.Account{}, []catalog.Account{}
	for _, a := range []struct{ name, typ string }{{"quick", "openai"}, {"disk", "deepseek"}} {
		profile, err := provider.ProfileOf(a.typ)
		if err != nil {
			t.Fatal(err)
		}
		accounts[a.name], err = provider.NewAccount(provider.Options{
			Name: a.name, Profile: profile, BaseURL: s.URL, Keys: []string{a.name + "-1", a.name + "-2"},
			Formats: map[llm.Format]string{llm.FormatChat: ""}, Now: clock,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(accounts[a.name].Close)
		listed = append(listed, catalog.Account{Name: a.name, Declared: []catalog.Model{{ID: "m"}, {ID: "other"}}})
	}
	view, err := catalog.NewView(listed)
	if err != nil {
		t.Fatal(err)
	}
	p.Gateway = &gateway.Gateway{
		Dispatcher: &dispatch.Dispatcher{Formats: func(f llm.Format) (wire.Upstream, bool) { return chat.Format{}, f == llm.FormatChat }},
		Recorder:   p.book, Sessions: session.New(clock), Places: gateway.NewPlaces(clock), Tasks: gateway.NewTasks(), Now: clock,
	}
	p.Swap(&gateway.State{Accounts: accounts, Routes: router.NewRoutes(router.Policy{Workloads: []router.Workload{
		{Name: "quickly", Chain: []string{"quick/m", "disk/m"}},
		{Name: "slowly", Chain: []string{"disk/m", "quick/m"}},
		{Name: "review", Inherit: true, Chain: []string{"disk/other"}},
	}}, view, p.now)})
	return p
}

// ask has a model answer in the session and says where.
func (p *pair) ask(t *testing.T, model string) string {
	t.Helper()
	raw := wire.RawRequest{Method: "POST", Path: "/v1/chat/completions", Body: []byte(`{"model":"` + model + `","messages":[{"role":"user","content":"hi"}]}`)}
	peeked, err := chat.Format{}.Peek(raw)
	if err != nil {
		t.Fatal(err)
	}
	x, err := p.Generate(t.Context(), gateway.Call{Format: chat.Format{}, Raw: raw, Peeked: peeked, Caller: acme, Labels: gateway.Labels{Session: "s"}}, &sink{})
	if err != nil {
		t.Fatal(err)
	}
	return x.Provider + "/" + x.Model
}

// A session that has moved stays where it is as long as its vendor's cache lasts,
// and what is done besides in it stays by itself.
func TestASessionStaysAsLongAsTheCacheLasts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		work, first string
		second      string
		lifetime    time.Duration
	}{
		{"workload/quickly", "quick", "disk/m", time.Hour},
		{"workload/slowly", "disk", "quick/m", 5 * time.Minute},
	} {
		p := newPair(t)
		first := c.first + "/m"
		if got := p.ask(t, c.work); got != first {
			t.Fatal(got)
		}
		p.down = []string{c.first + "-1", c.first + "-2"}
		var got []string
		got = append(got, p.ask(t, c.work))
		p.down = nil
		for range 3 { // each turn renews it
			p.now = p.now.Add(c.lifetime - time.Second)
			got = append(got, p.ask(t, "workload/review"), p.ask(t, "quick/other"), p.ask(t, c.work), p.ask(t, c.work))
		}
		p.now = p.now.Add(c.lifetime)
		got = append(got, p.ask(t, c.work))
		again := []string{c.second, "quick/other", c.second, c.second}
		want := slices.Concat([]string{c.second}, again, again, again, []string{first})
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", c.work, d)
		}
	}
}

// A session stays with the key that it was moved to, when its first one is good
// again: only that one's account has it in its cache.
func TestASessionStaysWithTheKeyItWasMovedTo(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	hints := map[string]string{}
	for _, k := range []string{"disk-1", "disk-2"} {
		hints[provider.HintOf(k)] = k
	}
	var used []string
	p.Ended = func(_ *gateway.Turn, o *dispatch.Outcome, _ []gateway.Charge) {
		used = append(used, hints[o.Last().KeyHint])
	}
	p.ask(t, "workload/slowly")
	p.down = []string{used[0]}
	p.ask(t, "workload/slowly")
	p.down = nil
	p.now = p.now.Add(time.Minute)
	p.ask(t, "workload/slowly")
	other := map[string]string{"disk-1": "disk-2", "disk-2": "disk-1"}[used[0]]
	if d := cmp.Diff([]string{used[0], other, other}, used); d != "" || other == "" {
		t.Error(d)
	}
}

// Who leaves the choice of the model to the gateway is led by its key's workload
// before what its headers say; who names a model says by them what it is for.
func TestAKeysWorkloadLeadsAuto(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ model, key, header, at, workload string }{
		{"auto", "slowly", "quickly", "disk/m", "slowly"},
		{"auto", "", "quickly", "quick/m", "quickly"},
		{"auto", "slowly", "", "disk/m", "slowly"},
		{"quick/other", "slowly", "quickly", "quick/other", "quickly"},
		{"quick/other", "slowly", "", "quick/other", "slowly"},
	} {
		p := newPair(t)
		raw := wire.RawRequest{Method: "POST", Path: "/v1/chat/completions", Body: []byte(`{"model":"` + c.model + `","messages":[{"role":"user","content":"hi"}]}`)}
		peeked, err := chat.Format{}.Peek(raw)
		if err != nil {
			t.Fatal(err)
		}
		caller := acme
		caller.Workload = c.key
		x, err := p.Generate(t.Context(), gateway.Call{Format: chat.Format{}, Raw: raw, Peeked: peeked, Caller: caller, Labels: gateway.Labels{Workload: c.header}}, &sink{})
		if err != nil {
			t.Fatal(err)
		}
		if got := x.Provider + "/" + x.Model; got != c.at || x.Workload != c.workload {
			t.Errorf("%+v: at %s for %s", c, got, x.Workload)
		}
	}
}
