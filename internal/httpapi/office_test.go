package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/oidostudio/oido/internal/app"
	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/sim"
	"github.com/oidostudio/oido/internal/store/sqlite"
)

// The keys of the installation under test, by who holds them.
const (
	operator = "operator-key-of-24-characters"
	admin    = "admin-key-of-24-characters-and"
	member   = "member-key-of-24-characters-an"
	viewer   = "viewer-key-of-24-characters-an"
	stranger = "stranger-admin-key-of-24-chars"
)

// office is a gateway before simulated providers, with turns in its database.
type office struct {
	t      *testing.T
	url    string
	client *http.Client
	app    *app.Server
	// close ends the server, once.
	close func()
}

func newOffice(t *testing.T, turns ...ledger.Turn) *office {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "data"), time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.WriteTurns(t.Context(), turns, ledger.Position{}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	providers := httptest.NewServer(sim.New(sim.Options{}))
	t.Cleanup(providers.Close)
	file := filepath.Join(dir, "oido.yaml")
	text := fmt.Sprintf(`data_dir: %s
keys:
  - {key: %s, org: house, user: root, role: operator}
  - {key: %s, org: acme, user: ada, role: admin}
  - {key: %s, org: acme, user: bob, role: member}
  - {key: %s, org: acme, user: vic, role: viewer}
  - {key: %s, org: other, user: ada, role: admin}
providers:
  chat:    {type: openai, base_url: "%[7]s/openai/v1", api_key: k, formats: [chat], models: [{id: sim, price: {input: 1, output: 2}}]}
  gemini:  {type: gemini, base_url: "%[7]s/gemini", api_key: k}
  private: {type: anthropic, base_url: "%[7]s/anthropic", api_key: k, orgs: [other]}
`, filepath.Join(dir, "data"), operator, admin, member, viewer, stranger, providers.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := app.ConfigOptions(config.Options{File: file, LookupEnv: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := app.Open(t.Context(), cfg, app.Options{Log: slog.New(slog.DiscardHandler), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	end := sync.OnceFunc(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		server.Close()
		end()
	})
	s.WaitLists(t.Context())
	return &office{t, server.URL, clientOf(t), s, end}
}

// clientOf makes a client that leaves no connection behind.
func clientOf(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// get asks the management API; out may be nil.
func (o *office) get(key, path string, out any) (status int, body string) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodGet, o.url+path, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := o.client.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	if out != nil {
		if resp.StatusCode != http.StatusOK {
			o.t.Fatalf("%s: %d %s", path, resp.StatusCode, b)
		}
		if err := json.Unmarshal(b, out); err != nil {
			o.t.Fatalf("%s: %v in %s", path, err, b)
		}
	}
	return resp.StatusCode, string(b)
}

// ask has a model answer.
func (o *office) ask(key, model string) {
	o.t.Helper()
	body := fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hello"}]}`, model)
	ctx, cancel := context.WithTimeout(o.t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.url+"/v1/chat/completions", bytes.NewReader([]byte(body)))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := o.client.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		o.t.Fatal(err)
	}
}

// turn makes a turn that started days ago at noon, answered by provider/model.
func turn(org, user string, ago, n int, model string, cost *llm.NanoUSD, agent string) ledger.Turn {
	at := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -ago).Add(time.Duration(n) * time.Second)
	var id uuid.UUID
	ms := at.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6], id[8], id[15] = 0x70, 0x80, byte(n)
	provider, name, _ := strings.Cut(model, "/")
	return ledger.Turn{
		ID: id.String(), Org: org, User: user, Key: "key-of-" + user, Agent: agent, Session: "session-" + user, SessionSource: "header",
		RequestedModel: model, Format: "chat", Status: ledger.StatusOK, Started: at, Duration: time.Second,
		Attempts: []ledger.Attempt{{
			Number: 1, Provider: provider, Model: name, KeyHint: "…1234", Format: "chat", Started: at, Duration: time.Second, Status: ledger.StatusOK,
			Usage: llm.Usage{Input: 100, CacheRead: 20, Output: 10, Quality: llm.QualityExact}, Cost: cost,
		}},
	}
}

func price(n int64) *llm.NanoUSD {
	v := llm.NanoUSD(n)
	return &v
}

// books are turns of two orgs: today, a week ago and before.
func books() []ledger.Turn {
	failed := turn("acme", "ada", 0, 5, "chat/gpt", price(7_000), "support")
	failed.Attempts = append([]ledger.Attempt{{
		Number: 1, Provider: "gemini", Model: "flash", KeyHint: "…9999", Format: "gemini", Started: failed.Started, Status: ledger.StatusError,
		ErrorKind: "auth", ErrorStatus: 400, ErrorText: "the account's own words", Usage: llm.Usage{Input: 1, Quality: llm.QualityExact}, Cost: price(0),
	}}, failed.Attempts...)
	failed.Attempts[1].Number = 2
	return []ledger.Turn{
		turn("acme", "ada", 0, 1, "chat/gpt", price(1_000), "support"),
		turn("acme", "bob", 0, 2, "chat/gpt", price(2_000), ""),
		turn("acme", "bob", 1, 3, "gemini/flash", nil, "support"),
		turn("acme", "ada", 10, 4, "private/claude", price(4_000), "research"),
		failed,
		turn("acme", "bob", 100, 6, "chat/gpt", price(6_000), "support"),
		turn("other", "ada", 0, 7, "private/claude", price(1_000_000), "support"),
	}
}

type usageRow struct {
	Name     *string `json:"name"`
	Provider *string `json:"provider"`
	Model    *string `json:"model"`
	Tokens   int     `json:"total_tokens"`
	Turns    int     `json:"turns"`
	Cost     string  `json:"cost_usd"`
	Unknown  int     `json:"unknown_cost_turns"`
}

type usage struct {
	Last7    usageRow   `json:"last_7_days"`
	Last30   usageRow   `json:"last_30_days"`
	Totals   usageRow   `json:"totals"`
	Model    []usageRow `json:"by_model"`
	Agent    []usageRow `json:"by_agent"`
	User     []usageRow `json:"by_user"`
	Session  []usageRow `json:"by_session"`
	Workload []usageRow `json:"by_workload"`
	Provider []usageRow `json:"by_provider"`
	Purpose  []usageRow `json:"by_purpose"`
	Key      []usageRow `json:"by_key"`
	Daily    []struct {
		Date string `json:"date"`
		usageRow
	} `json:"daily"`
	RowsFrom *string `json:"rows_from"`
}

func (u *usage) lists() map[string][]usageRow {
	return map[string][]usageRow{
		"model": u.Model, "agent": u.Agent, "user": u.User, "session": u.Session, "workload": u.Workload, "provider": u.Provider, "purpose": u.Purpose, "key": u.Key,
	}
}

func day(ago int) string { return time.Now().UTC().AddDate(0, 0, -ago).Format(time.DateOnly) }

func row(tokens, turns int, cost string, unknown int) usageRow {
	return usageRow{Tokens: tokens, Turns: turns, Cost: cost, Unknown: unknown}
}

func named(name string, r usageRow) usageRow {
	r.Name = &name
	return r
}

func ofModel(name string, r usageRow) usageRow {
	provider, model, _ := strings.Cut(name, "/")
	r = named(name, r)
	r.Provider, r.Model = &provider, &model
	return r
}

func TestUsage(t *testing.T) {
	t.Parallel()
	o := newOffice(t, books()...)
	var u usage
	o.get(admin, "/api/v1/usage?window=30d", &u)
	if d := cmp.Diff(row(521, 4, "0.000010000", 1), u.Last7); d != "" {
		t.Error("7 days", d)
	}
	if d := cmp.Diff(row(651, 5, "0.000014000", 1), u.Last30) + cmp.Diff(u.Last30, u.Totals); d != "" {
		t.Error("30 days", d)
	}
	if d := cmp.Diff([]usageRow{
		ofModel("chat/gpt", row(390, 3, "0.000010000", 0)), ofModel("gemini/flash", row(131, 1, "0.000000000", 1)), ofModel("private/claude", row(130, 1, "0.000004000", 0)),
	}, u.Model); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]usageRow{
		named("support", row(391, 3, "0.000008000", 1)), row(130, 1, "0.000002000", 0), named("research", row(130, 1, "0.000004000", 0)),
	}, u.Agent); d != "" {
		t.Error(d)
	}
	for name, list := range u.lists() {
		sum := row(0, 0, u.Totals.Cost, 0)
		for _, r := range list {
			sum.Tokens += r.Tokens
			sum.Turns += r.Turns
			sum.Unknown += r.Unknown
		}
		if d := cmp.Diff(u.Totals, sum); d != "" {
			t.Errorf("the list by %s does not sum to the window: %s", name, d)
		}
	}
	if len(u.Daily) != 30 || u.Daily[0].Date != day(29) || u.Daily[29].Date != day(0) || u.Daily[29].Turns != 3 || u.Daily[28].Turns != 1 || u.Daily[27].Turns != 0 || u.RowsFrom != nil {
		t.Errorf("%+v", u.Daily)
	}
	_, body := o.get(admin, "/api/v1/usage?window=30d&by=agent,workload", nil)
	for _, want := range []string{`"name":"support","agent":"support"`, `"name":null,"agent":null`, `"name":null,"workload":null`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
}

// TestUsageIsNarrowed: each filter alone and in twos, from the roll-ups and from
// single turns, whose totals must agree.
func TestUsageIsNarrowed(t *testing.T) {
	t.Parallel()
	o := newOffice(t, books()...)
	for _, c := range []struct {
		query  string
		totals usageRow
	}{
		{"user=bob", row(260, 2, "0.000002000", 1)},
		{"user=bob&by=user", row(260, 2, "0.000002000", 1)},
		{"agent=support&by=day", row(391, 3, "0.000008000", 1)},
		{"agent=support&user=ada", row(261, 2, "0.000008000", 0)},
		{"model=flash&by=model", row(131, 1, "0.000000000", 1)},
		{"model=gemini/flash", row(131, 1, "0.000000000", 1)},
		{"model=gemini/gpt", row(0, 0, "0.000000000", 0)},
		{"provider=gemini&user=ada", row(1, 0, "0.000000000", 0)}, // a failed attempt's tokens, another's answer
		{"session=session-bob", row(260, 2, "0.000002000", 1)},
		{"key=key-of-bob", row(260, 2, "0.000002000", 1)},
		{"workload=none", row(0, 0, "0.000000000", 0)},
		{"purpose=none&agent=support", row(0, 0, "0.000000000", 0)},
	} {
		var u usage
		o.get(admin, "/api/v1/usage?window=30d&"+c.query, &u)
		if d := cmp.Diff(c.totals, u.Totals); d != "" {
			t.Errorf("%s: %s", c.query, d)
		}
		if d := cmp.Diff(u.Totals, u.Last30); d != "" {
			t.Errorf("%s: the windows differ: %s", c.query, d)
		}
	}
	// Single turns are kept for 30 days: what is older is counted by day and by
	// one dimension, and where that isn't enough the answer says from when.
	var u usage
	o.get(admin, "/api/v1/usage?by=user&user=bob&window="+day(200)+","+day(0), &u)
	if d := cmp.Diff(row(390, 3, "0.000008000", 1), u.Totals); d != "" || u.RowsFrom != nil {
		t.Error(d, u.RowsFrom)
	}
	u = usage{}
	o.get(admin, "/api/v1/usage?by=model&user=bob&window="+day(200)+","+day(0), &u)
	if d := cmp.Diff(row(260, 2, "0.000002000", 1), u.Totals); d != "" || u.RowsFrom == nil || *u.RowsFrom != day(29) || len(u.Daily) != 30 {
		t.Error(d, u.RowsFrom, len(u.Daily))
	}
}

func TestUsageDayByDay(t *testing.T) {
	t.Parallel()
	o := newOffice(t, books()...)
	var got []string
	cursor, count := "", 0
	for {
		var list struct {
			Data []struct {
				Date  string `json:"date"`
				Turns int    `json:"turns"`
			} `json:"data"`
			Next *string `json:"next_cursor"`
		}
		o.get(admin, "/api/v1/usage/daily?limit=60&window="+day(200)+","+day(0)+"&cursor="+cursor, &list)
		for _, d := range list.Data {
			count++
			if d.Turns > 0 {
				got = append(got, fmt.Sprint(d.Date, " ", d.Turns))
			}
		}
		if list.Next == nil {
			break
		}
		cursor = *list.Next
	}
	if count != 201 {
		t.Errorf("%d days, want 201", count)
	}
	if d := cmp.Diff([]string{day(100) + " 1", day(10) + " 1", day(1) + " 1", day(0) + " 3"}, got); d != "" {
		t.Error(d)
	}
}

type turnList struct {
	Data []struct {
		ID   string  `json:"id"`
		User string  `json:"user"`
		Org  string  `json:"org"`
		Cost *string `json:"cost_usd"`
	} `json:"data"`
	Next *string `json:"next_cursor"`
}

func TestTurnsAreListedAndNarrowed(t *testing.T) {
	t.Parallel()
	o := newOffice(t, books()...)
	for query, want := range map[string]int{
		"": 6, "user=ada": 3, "agent=support&user=bob": 2, "model=gpt": 4, "model=chat/gpt": 4, "model=gemini/gpt": 0, "provider=gemini": 1,
		"status=error": 0, "key=key-of-bob": 3, "session=session-ada": 3, "purpose=x": 0, "workload=x": 0, "window=7d": 4, "window=30d": 5,
		"window=" + day(10) + "," + day(10): 1,
	} {
		var all []string
		cursor := ""
		for {
			var list turnList
			o.get(admin, "/api/v1/turns?limit=2&"+query+"&cursor="+cursor, &list)
			for _, row := range list.Data {
				all = append(all, row.ID)
			}
			if list.Next == nil {
				break
			}
			cursor = *list.Next
		}
		seen := map[string]bool{}
		for _, id := range all {
			seen[id] = true
		}
		if len(all) != want || len(seen) != want {
			t.Errorf("%s: %v, want %d", query, all, want)
		}
	}
}

// TestWhoSeesWhat: an org never sees another's rows, and in its own each role what
// is for it.
func TestWhoSeesWhat(t *testing.T) {
	t.Parallel()
	all := books()
	o := newOffice(t, all...)
	adas, bobs, others := all[4].ID, all[1].ID, all[6].ID
	const ok, no, none, unknown = 200, 403, 404, 401
	for path, want := range map[string][6]int{ // operator, admin, member, viewer, another org's admin, nobody
		"/api/v1/usage":                              {ok, ok, ok, ok, ok, unknown},
		"/api/v1/usage?org=acme":                     {ok, ok, ok, ok, no, unknown},
		"/api/v1/usage?user=ada":                     {ok, ok, no, ok, ok, unknown},
		"/api/v1/usage?by=key":                       {ok, ok, ok, no, ok, unknown},
		"/api/v1/usage?key=key-of-bob":               {ok, ok, ok, no, ok, unknown},
		"/api/v1/usage/daily":                        {ok, ok, ok, ok, ok, unknown},
		"/api/v1/turns":                              {ok, ok, ok, no, ok, unknown},
		"/api/v1/turns?user=ada":                     {ok, ok, no, no, ok, unknown},
		"/api/v1/turns?org=acme":                     {ok, ok, ok, no, no, unknown},
		"/api/v1/turns/" + adas:                      {none, ok, none, no, none, unknown},
		"/api/v1/turns/" + adas + "?org=acme":        {ok, ok, none, no, no, unknown},
		"/api/v1/turns/" + bobs:                      {none, ok, ok, no, none, unknown},
		"/api/v1/turns/" + others:                    {none, none, none, no, ok, unknown},
		"/api/v1/models":                             {ok, ok, ok, ok, ok, unknown},
		"/api/v1/providers":                          {ok, ok, no, no, ok, unknown},
		"/api/v1/nothing":                            {none, none, none, none, none, unknown},
		"/api/v1/usage?window=1y":                    {400, 400, 400, 400, 400, unknown},
		"/api/v1/usage?by=moon":                      {400, 400, 400, 400, 400, unknown},
		"/api/v1/turns?cursor=x":                     {400, 400, 400, no, 400, unknown},
		"/api/v1/usage/daily?cursor=x":               {400, 400, 400, 400, 400, unknown},
		"/api/v1/turns?status=fine":                  {422, 422, 422, 422, 422, unknown},
		"/api/v1/turns?limit=0":                      {422, 422, 422, 422, 422, unknown},
		"/api/v1/usage?window=0001-01-01,9999-12-31": {400, 400, 400, 400, 400, unknown},
		"/api/v1/usage?window=2026-06-02,2026-06-1":  {400, 400, 400, 400, 400, unknown},
	} {
		for i, key := range []string{operator, admin, member, viewer, stranger, ""} {
			if status, body := o.get(key, path, nil); status != want[i] {
				t.Errorf("%s as %q: %d, want %d: %.200s", path, key, status, want[i], body)
			} else if status != ok && (!strings.Contains(body, `"detail"`) || !strings.Contains(body, `"status"`)) {
				t.Errorf("%s as %q is no problem document: %s", path, key, body)
			}
		}
	}
	var u usage
	o.get(member, "/api/v1/usage?window=30d", &u)
	if d := cmp.Diff(row(260, 2, "0.000002000", 1), u.Totals); d != "" || len(u.User) != 1 || *u.User[0].Name != "bob" {
		t.Errorf("a member's usage: %s %+v", d, u.User)
	}
	o.get(stranger, "/api/v1/usage?window=30d", &u)
	if d := cmp.Diff(row(130, 1, "0.001000000", 0), u.Totals); d != "" {
		t.Errorf("another org's usage: %s", d)
	}
	u = usage{}
	o.get(viewer, "/api/v1/usage", &u)
	if u.Key != nil || u.User == nil {
		t.Errorf("a viewer's lists: %+v", u)
	}
	for key, want := range map[string]map[string]int{operator: {}, admin: {"acme ada": 3, "acme bob": 3}, member: {"acme bob": 3}, stranger: {"other ada": 1}} {
		var list turnList
		o.get(key, "/api/v1/turns", &list)
		got := map[string]int{}
		for _, row := range list.Data {
			got[row.Org+" "+row.User]++
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("turns as %s: %s", key, d)
		}
	}
}

func TestOneTurnShowsItsAttempts(t *testing.T) {
	t.Parallel()
	all := books()
	all[4].User = "bob"
	o := newOffice(t, all...)
	_, full := o.get(admin, "/api/v1/turns/"+all[4].ID, nil)
	for _, want := range []string{`"number":2`, `"error_kind":"auth"`, "the account's own words", "…9999", `"cost_usd":"0.000007000"`, `"total_tokens":131`} {
		if !strings.Contains(full, want) {
			t.Errorf("no %s in %s", want, full)
		}
	}
	_, own := o.get(member, "/api/v1/turns/"+all[4].ID, nil)
	if strings.Contains(own, "own words") || strings.Contains(own, "9999") || !strings.Contains(own, `"error_kind":"auth"`) {
		t.Errorf("what a provider says of the account, to a member: %s", own)
	}
	var unpriced struct {
		Cost *string `json:"cost_usd"`
	}
	o.get(admin, "/api/v1/turns/"+all[2].ID, &unpriced)
	if unpriced.Cost != nil {
		t.Errorf("an unknown cost is shown as %s", *unpriced.Cost)
	}
}

// post sends an empty request and returns how it is answered.
func (o *office) post(key, path string) (status int, h http.Header) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.url+path, http.NoBody)
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := o.client.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		o.t.Error(err)
	}
	if err := resp.Body.Close(); err != nil {
		o.t.Error(err)
	}
	return resp.StatusCode, resp.Header
}

func TestWhatCanOnlyBeReadSaysSo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for path, want := range map[string]int{"/api/v1/usage": 405, "/api/v1/turns/some": 405, "/api/v1/nothing": 404} {
		status, h := o.post(admin, path)
		if status != want || h.Get("Content-Type") != "application/problem+json" || (h.Get("Allow") != "") != (want == 405) {
			t.Errorf("%s: %d %v", path, status, h)
		}
	}
}

func TestWhoMayTestAProvider(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for provider, want := range map[string][5]int{ // operator, admin, member, viewer, another org's admin
		"chat": {200, 200, 403, 403, 200}, "private": {200, 404, 403, 403, 200}, "none": {404, 404, 403, 403, 404},
	} {
		for i, key := range []string{operator, admin, member, viewer, stranger} {
			if status, _ := o.post(key, "/api/v1/providers/"+provider+"/test"); status != want[i] {
				t.Errorf("%s as %s: %d, want %d", provider, key, status, want[i])
			}
		}
	}
}

// TestTheAPIDescribesItself: what people generate clients from names every
// operation and its filters, and needs no key.
func TestTheAPIDescribesItself(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var spec struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			Parameters []struct {
				Name string `json:"name"`
			} `json:"parameters"`
		} `json:"paths"`
	}
	o.get("", "/api/openapi.json", &spec)
	if !strings.HasPrefix(spec.OpenAPI, "3.1") {
		t.Errorf("OpenAPI %s", spec.OpenAPI)
	}
	for path, want := range map[string]string{
		"/api/v1/usage":          "agent by key model org provider purpose session user window workload",
		"/api/v1/usage/daily":    "agent cursor key limit model org provider purpose session user window workload",
		"/api/v1/turns":          "agent cursor key limit model org provider purpose session status user window workload",
		"/api/v1/turns/stream":   "agent key model org provider purpose session status user workload",
		"/api/v1/turns/{id}":     "id org",
		"/api/v1/turns/{id}/why": "id org",
		"/api/v1/workloads":      "",
		"/api/v1/models":         "available cursor ends_within free in limit min_context name out priced provider q reasoning structured_output tier tools",
		"/api/v1/providers":      "",
	} {
		var got []string
		for _, p := range spec.Paths[path]["get"].Parameters {
			got = append(got, p.Name)
		}
		slices.Sort(got)
		if d := cmp.Diff(want, strings.Join(got, " ")); d != "" {
			t.Errorf("%s: %s", path, d)
		}
	}
}

// TestModelsAreNarrowed: each condition holds for every model that is shown, all
// pages together are the whole list, and a provider that is another org's is not
// there.
func TestModelsAreNarrowed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	type model struct {
		Name      string   `json:"name"`
		Provider  string   `json:"provider"`
		Tier      string   `json:"tier"`
		Context   *int     `json:"context"`
		In        []string `json:"in"`
		Tools     *bool    `json:"tools"`
		Reasoning *bool    `json:"reasoning"`
		Free      *string  `json:"free"`
		Input     *string  `json:"input_usd_per_million"`
		Available bool     `json:"available"`
		WhyNot    *string  `json:"why_not"`
	}
	read := func(key, query string) (all []model) {
		cursor := ""
		for {
			var list struct {
				Data []model `json:"data"`
				Next *string `json:"next_cursor"`
			}
			o.get(key, "/api/v1/models?limit=7&"+query+"&cursor="+cursor, &list)
			all = append(all, list.Data...)
			if list.Next == nil {
				return all
			}
			cursor = url.QueryEscape(*list.Next)
		}
	}
	whole := read(admin, "")
	seen := map[string]bool{}
	for _, m := range whole {
		if m.Provider == "private" || seen[m.Name] {
			t.Errorf("%+v", m)
		}
		seen[m.Name] = true
		if m.Available == (m.WhyNot != nil) {
			t.Errorf("%s is available: %v, because %v", m.Name, m.Available, m.WhyNot)
		}
	}
	yes := func(v *bool) bool { return v != nil && *v }
	for query, holds := range map[string]func(model) bool{
		"provider=gemini":     func(m model) bool { return m.Provider == "gemini" },
		"tier=fast":           func(m model) bool { return m.Tier == "fast" },
		"q=Flash":             func(m model) bool { return strings.Contains(m.Name, "flash") },
		"in=image":            func(m model) bool { return slices.Contains(m.In, "image") },
		"min_context=1000000": func(m model) bool { return m.Context != nil && *m.Context >= 1_000_000 },
		"available=true":      func(m model) bool { return m.Available },
		"available=false":     func(m model) bool { return !m.Available },
		"priced=true":         func(m model) bool { return m.Input != nil },
		"priced=false":        func(m model) bool { return m.Input == nil },
		"free=false":          func(m model) bool { return m.Free == nil },
		"tools=true":          func(m model) bool { return yes(m.Tools) },
		"reasoning=true":      func(m model) bool { return yes(m.Reasoning) },
		"tier=fast&q=lite&provider=gemini": func(m model) bool {
			return m.Tier == "fast" && strings.Contains(m.Name, "lite") && m.Provider == "gemini"
		},
	} {
		var want []string
		for _, m := range whole {
			if holds(m) {
				want = append(want, m.Name)
			}
		}
		var got []string
		for _, m := range read(admin, query) {
			got = append(got, m.Name)
		}
		if d := cmp.Diff(want, got); d != "" || len(got) == 0 && query != "available=false" {
			t.Errorf("%s: %s", query, d)
		}
	}
	if !slices.ContainsFunc(read(stranger, ""), func(m model) bool { return m.Provider == "private" }) {
		t.Error("an org does not see its own provider's models")
	}
	if status, body := o.get(admin, "/api/v1/models?cursor=chat/never-was", nil); status != 400 || !strings.Contains(body, "begin again") {
		t.Errorf("%d %s", status, body)
	}
	for key, want := range map[string]string{admin: "chat gemini", stranger: "chat gemini private", operator: "chat gemini private"} {
		var list struct {
			Data []struct {
				Name string `json:"name"`
			} `json:"data"`
		}
		o.get(key, "/api/v1/providers", &list)
		var names []string
		for _, p := range list.Data {
			names = append(names, p.Name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("providers as %s: %s, want %s", key, got, want)
		}
	}
}
