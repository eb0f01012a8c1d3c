package httpapi_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/httpapi"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/wire"
)

// listing serves the lists of models on a day: of some providers by the snapshot,
// and of one whose list says what it has.
func listing(t *testing.T, day string) *http.ServeMux {
	t.Helper()
	now, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	e := newEdge(t, "http://127.0.0.1:1", edgeOptions{})
	up := e.Gateway.State().Accounts["up"]
	st := &gateway.State{Accounts: map[string]*provider.Account{"up": up}}
	accounts := []catalog.Account{
		{Name: "up", Catalog: "openai", Listed: []wire.ListedModel{{ID: "o3"}, {ID: "gpt-6-luna", Shutdown: now.AddDate(0, 0, 20)}}, Gone: []string{"gpt-5.1"}},
		{Name: "mine", Catalog: "google", Free: &catalog.Quota{RequestsPerDay: 1000}},
	}
	for _, p := range []string{"anthropic", "deepseek", "google", "nvidia", "openai", "openrouter"} {
		accounts = append(accounts, catalog.Account{Name: p, Catalog: p})
	}
	for _, a := range accounts {
		st.Accounts[a.Name] = up
	}
	view, err := catalog.NewView(accounts)
	if err != nil {
		t.Fatal(err)
	}
	st.Routes = router.NewRoutes(router.Policy{Aliases: map[string][]string{"mine": {"haiku", "openai/gpt-4o-mini"}}}, view, now)
	e.Gateway.Now = func() time.Time { return now }
	e.Gateway.Swap(st)
	m := &httpapi.Management{
		Gateway: e.Gateway, Directory: directory(t), Zone: time.UTC, Version: "test",
		Log: slog.New(slog.DiscardHandler), Now: e.Gateway.Now, Lists: func(string) (time.Time, string) { return now, "" },
	}
	if err := m.Register(e.mux); err != nil {
		t.Fatal(err)
	}
	return e.mux
}

type listedModel struct {
	Name        string   `json:"name"`
	Tier        string   `json:"tier"`
	Class       *string  `json:"class"`
	Out         []string `json:"out"`
	Structured  *bool    `json:"structured_output"`
	Input       *string  `json:"input_usd_per_million"`
	Free        *string  `json:"free"`
	Available   bool     `json:"available"`
	WhyNot      *string  `json:"why_not"`
	State       *string  `json:"state"`
	Ends        *string  `json:"ends"`
	Replacement *string  `json:"replacement"`
	RedirectsTo *string  `json:"redirects_to"`
	Warning     *string  `json:"warning"`
	Tiers       []struct {
		Above int64   `json:"above_input_tokens"`
		Input *string `json:"input_usd_per_million"`
	} `json:"price_tiers"`
	Windows []struct {
		From  string  `json:"utc_from"`
		Input *string `json:"input_usd_per_million"`
	} `json:"price_windows"`
	Changes []struct {
		From  string  `json:"from"`
		Input *string `json:"input_usd_per_million"`
	} `json:"price_changes"`
	Quota *struct {
		PerMinute *int64 `json:"requests_per_minute"`
		PerDay    *int64 `json:"requests_per_day"`
	} `json:"free_quota"`
}

func readModels(t *testing.T, mux *http.ServeMux, query string) (all []listedModel) {
	t.Helper()
	cursor := ""
	for {
		w := get(mux, "GET", "/api/v1/models?"+query+"&cursor="+url.QueryEscape(cursor), adminKey)
		var page struct {
			Data []listedModel `json:"data"`
			Next *string       `json:"next_cursor"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: %d %v %.300s", query, w.Code, err, w.Body)
		}
		all = append(all, page.Data...)
		if page.Next == nil {
			return all
		}
		cursor = *page.Next
	}
}

func is[T comparable](p *T, want T) bool { return p != nil && *p == want }

func TestModelsAreNarrowedByTheirLife(t *testing.T) {
	t.Parallel()
	mux := listing(t, "2026-11-23")
	whole := readModels(t, mux, "")
	for query, holds := range map[string]func(listedModel) bool{
		"free=always":            func(m listedModel) bool { return is(m.Free, "always") },
		"free=tier":              func(m listedModel) bool { return is(m.Free, "tier") },
		"free=trial":             func(m listedModel) bool { return is(m.Free, "trial") },
		"free=false":             func(m listedModel) bool { return m.Free == nil },
		"free=true":              func(m listedModel) bool { return m.Free != nil },
		"out=image":              func(m listedModel) bool { return slices.Contains(m.Out, "image") },
		"structured_output=true": func(m listedModel) bool { return is(m.Structured, true) },
		"ends_within=30":         func(m listedModel) bool { return !m.Available || m.Ends != nil && *m.Ends <= "2026-12-23" },
		"ends_within=30&available=true&provider=google": func(m listedModel) bool {
			return m.Name == "google/gemini-2.5-flash" || m.Name == "google/gemini-2.5-pro" || m.Name == "google/gemini-3-pro-preview"
		},
		"ends_within=30&provider=up": func(m listedModel) bool {
			return m.Name == "up/gpt-6-luna" || m.Name == "up/o3" || m.Name == "up/gpt-5.1" // by its list, by the catalog, gone
		},
	} {
		var want, got []string
		for _, m := range whole {
			if holds(m) {
				want = append(want, m.Name)
			}
		}
		for _, m := range readModels(t, mux, query) {
			got = append(got, m.Name)
		}
		if d := cmp.Diff(want, got); d != "" || len(got) == 0 {
			t.Errorf("%s: %d, %s", query, len(got), d)
		}
	}
}

// Models that write nothing are listed where they are asked for.
func TestModelsThatEmbedAreListedApart(t *testing.T) {
	t.Parallel()
	mux := listing(t, "2026-11-23")
	for query, want := range map[string][]string{
		"out=embedding":                 {"google/gemini-embedding-001", "mine/gemini-embedding-001", "nvidia/baai/bge-m3", "openai/text-embedding-3-small"},
		"out=embedding&provider=google": {"google/gemini-embedding-001"},
		"provider=google":               {"google/gemini-2.5-flash"},
	} {
		got := map[string]bool{}
		for _, m := range readModels(t, mux, query) {
			got[m.Name] = true
			if slices.Contains(m.Out, "embedding") != strings.Contains(query, "embedding") {
				t.Errorf("%s: %+v", query, m)
			}
		}
		for _, name := range want {
			if !got[name] {
				t.Errorf("%s: no %s in %v", query, name, got)
			}
		}
	}
}

// What names stand for, in their order, with what is known of each.
func TestNamedModels(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		day, query string
		want       []string
	}{
		{"2026-11-23", "name=haiku&name=openai/gpt-4", []string{"anthropic/claude-haiku-4-5", "openai/gpt-4: it is retired"}},
		{"2026-11-23", "name=o3", []string{"up/o3", "openai/o3"}},
		{"2027-02-01", "name=o3", []string{"up/o3"}}, // its list beats the date
		{"2026-11-23", "name=mine", []string{"anthropic/claude-haiku-4-5", "openai/gpt-4o-mini"}},
		{"2026-11-23", "name=Claude+Haiku+4.5&name=haiku&name=anthropic/claude-haiku-4-5", []string{"anthropic/claude-haiku-4-5"}},
		{"2026-11-23", "name=up/gpt-5.1", []string{"up/gpt-5.1: its provider lists it no longer"}},
	} {
		var got []string
		for _, m := range readModels(t, listing(t, c.day), c.query) {
			if m.WhyNot != nil {
				m.Name += ": " + *m.WhyNot
			}
			got = append(got, m.Name)
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s on %s: %s", c.query, c.day, d)
		}
	}
	mux := listing(t, "2027-02-01")
	for query, says := range map[string]string{
		"name=haiku&name=who-knows":            "who-knows",
		"name=GPT-4o":                          "its replacement is gpt-6-luna",
		"name=auto":                            "auto",
		"name=up/who-knows":                    "nothing is known",
		"name=" + strings.Repeat("x", 600):     "too long",
		strings.Repeat("name=haiku&", 17) + "": "name",
	} {
		w := get(mux, "GET", "/api/v1/models?"+query, adminKey)
		if w.Code < 400 || w.Code >= 500 || !strings.Contains(w.Body.String(), says) {
			t.Errorf("%.60s: %d %.300s", query, w.Code, w.Body)
		}
	}
	// A key that may use other models only sees nothing of these.
	w := get(mux, "GET", "/api/v1/models?name=haiku", memberKey)
	if w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "claude") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWhatAModelCostsWhen(t *testing.T) {
	t.Parallel()
	one := func(day, name string) listedModel {
		t.Helper()
		found := readModels(t, listing(t, day), "name="+name)
		if len(found) != 1 {
			t.Fatalf("%s: %+v", name, found)
		}
		return found[0]
	}
	m := one("2026-11-22", "google/gemini-2.5-pro")
	if len(m.Tiers) != 1 || m.Tiers[0].Above != 200_000 || !is(m.Tiers[0].Input, "2.500000000") || !is(m.Input, "1.250000000") || !is(m.Ends, "2026-12-01") || !is(m.RedirectsTo, "gemini-3.8-flash") || !is(m.Class, "reasoning") {
		t.Errorf("%+v", m)
	}
	m = one("2026-12-15", "google/gemini-2.5-pro")
	if len(m.Tiers) != 0 || !is(m.Input, "0.750000000") || len(m.Changes) != 1 || m.Changes[0].From != "2027-01-01" || !is(m.Changes[0].Input, "1.500000000") || !m.Available {
		t.Errorf("redirected: %+v", m)
	}
	if m = one("2027-02-01", "google/gemini-2.5-pro"); !is(m.Input, "1.500000000") || len(m.Changes) != 0 {
		t.Errorf("redirected, after the change: %+v", m)
	}
	if m = one("2026-11-22", "deepseek/deepseek-flash"); len(m.Windows) != 2 || m.Windows[0].From != "01:00" || !is(m.Windows[0].Input, "0.300000000") || !is(m.Input, "0.150000000") {
		t.Errorf("by the hour: %+v", m)
	}
	if m = one("2026-11-22", "openrouter/openrouter/free"); !is(m.Free, "always") || m.Quota == nil || !is(m.Quota.PerMinute, 20) || !is(m.Quota.PerDay, 50) {
		t.Errorf("free: %+v", m)
	}
	if m = one("2026-11-22", "nvidia/qwen/qwen3-coder-480b-a35b-instruct"); !is(m.Free, "trial") || m.Quota == nil || !is(m.Quota.PerMinute, 40) || m.Quota.PerDay != nil {
		t.Errorf("on trial: %+v", m)
	}
	if m = one("2026-11-22", "mine/gemini-2.5-flash"); !is(m.Free, "tier") || m.Quota == nil || m.Quota.PerMinute != nil || !is(m.Quota.PerDay, 1000) {
		t.Errorf("free by the configuration: %+v", m)
	}
	for day, state := range map[string]string{"2026-11-22": "deprecated", "2027-02-01": "retired"} {
		if m = one(day, "openai/o3"); !is(m.State, state) || !is(m.Ends, "2026-12-11") || !is(m.Replacement, "gpt-5.6-sol") {
			t.Errorf("%s: %+v", day, m)
		}
	}
	if m = one("2026-06-01", "openai/gpt-4"); !is(m.State, "deprecated") || !m.Available {
		t.Errorf("before its end: %+v", m)
	}
	if m = one("2027-02-01", "up/o3"); m.Ends != nil || m.State != nil || !m.Available {
		t.Errorf("a list beats the date: %+v", m)
	}
}

// GET /v1/models/{model} knows every name that a call may use.
func TestOneModelByAnyName(t *testing.T) {
	t.Parallel()
	mux := listing(t, "2027-02-01")
	for name, want := range map[string]string{
		"haiku": `"id":"anthropic/claude-haiku-4-5"`, "Claude%20Opus%204.7": `"id":"anthropic/claude-opus-4-7"`,
		"up/o3": `"id":"up/o3"`, "google/gemini-2.5-pro": `"id":"google/gemini-2.5-pro"`,
		"openai/gpt-4": "its replacement is gpt-5.6-sol", "GPT-4o": "its replacement is gpt-6-luna",
		"claude-haiku-4-6": "nearest: claude-", "auto": "there is no model", "up/gpt-5.1": "there is no model",
		strings.Repeat("x", 600): "there is no model",
	} {
		w := get(mux, "GET", "/v1/models/"+name, adminKey)
		if found := strings.HasPrefix(want, `"id"`); !strings.Contains(w.Body.String(), want) || found != (w.Code == http.StatusOK) || !found && w.Code != http.StatusNotFound {
			t.Errorf("%.60s: %d %.300s", name, w.Code, w.Body)
		}
	}
	w := get(mux, "GET", "/v1/models", adminKey)
	for name, there := range map[string]bool{"openai/gpt-4": false, "openai/o3": false, "up/o3": true, "google/gemini-2.5-pro": true} {
		if strings.Contains(w.Body.String(), `"`+name+`"`) != there {
			t.Errorf("%s is listed: %v", name, !there)
		}
	}
}

// A model that ends says which places of the configuration name it.
func TestModelsWarnOfPlacesThatNameThem(t *testing.T) {
	t.Parallel()
	for day, want := range map[string]string{
		"2026-12-14": "",
		"2026-12-20": "openai/gpt-4o-mini ends on 2027-01-14; its replacement is gpt-6-luna; named by aliases.mine[1]",
		"2027-02-01": "the model openai/gpt-4o-mini is retired since 2027-01-14; its replacement is gpt-6-luna; named by aliases.mine[1]",
	} {
		mux := listing(t, day)
		for _, query := range []string{"q=gpt-4o-mini&provider=openai", "name=openai/gpt-4o-mini"} {
			for _, m := range readModels(t, mux, query) {
				got := ""
				if m.Warning != nil {
					got = *m.Warning
				}
				if m.Name == "openai/gpt-4o-mini" && got != want || m.Name != "openai/gpt-4o-mini" && got != "" {
					t.Errorf("%s %s: %s has %q", day, query, m.Name, got)
				}
			}
		}
	}
}
