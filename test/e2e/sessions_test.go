package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

const (
	memberKey  = "e2e-key-of-a-member-of-the-org-x"
	limitedKey = "e2e-key-that-may-use-one-model-x"
	codingKey  = "e2e-key-whose-workload-is-coding"
)

// newSessionLab is a lab with workloads.
func newSessionLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	b, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), "keys: [", "keys: [{key: "+memberKey+", org: acme, user: mia, role: member}, {key: "+codingKey+", org: acme, user: mia, role: member, workload: coding}, "+
		"{key: "+limitedKey+", org: acme, user: lim, role: member, models: [chat/sim]}, ", 1) + `
aliases: {usual: chat/sim}
workloads:
  coding: {chain: [messages-2/sim-n2, chat/sim], switch: [messages/sim-n3, gemini/sim]}
  review: {inherit: session, chain: [chat/sim]}
`
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.stop()
	l.up(t)
	l.ready(t)
	return l
}

// talk asks a model in a session and says which answered.
func (l *lab) talk(t *testing.T, key, session, workload, model string) (answered string) {
	t.Helper()
	h, b := l.call(t, http.MethodPost, "/v1/chat/completions", key, hello(model, false), map[string]string{"X-Oido-Session": session, "X-Oido-Workload": workload})
	if h == nil {
		return b
	}
	return h.Get("X-Oido-Provider") + "/" + h.Get("X-Oido-Model")
}

// call sends a request; the header is nil where it isn't answered well, and the
// answer then begins with the status.
func (l *lab) call(t *testing.T, method, path, key, body string, headers map[string]string) (http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, l.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	for k, v := range headers {
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Sprintf("%d %s", resp.StatusCode, b)
	}
	return resp.Header, string(b)
}

// TestASessionStaysOnTheModelThatItsUserNamed: by naming a model of the workload's
// switch under the workload, over a restart, until it is taken back.
func TestASessionStaysOnTheModelThatItsUserNamed(t *testing.T) {
	t.Parallel()
	l := newSessionLab(t)
	for i, c := range []struct{ key, session, workload, model, want string }{
		{memberKey, "s1", "", "workload/coding", "messages-2/sim-n2"},
		{memberKey, "s1", "", "messages/sim-n3", "messages/sim-n3"}, // not under the workload
		{memberKey, "s1", "", "workload/coding", "messages-2/sim-n2"},
		{memberKey, "s1", "coding", "messages/sim-n3", "messages/sim-n3"}, // under it
		{memberKey, "s1", "", "workload/coding", "messages/sim-n3"},
		{memberKey, "s1", "coding", "auto", "messages/sim-n3"},
		{memberKey, "s1", "", "usual", "messages/sim-n3"},
		{memberKey, "s1", "", "chat/sim", "chat/sim"}, // named: it gets what it names
		{memberKey, "s1", "coding", "auto", "messages/sim-n3"},
		{memberKey, "s2", "coding", "auto", "messages-2/sim-n2"}, // another session
		{key, "s1", "coding", "auto", "messages-2/sim-n2"},       // another user's of the same name
		{codingKey, "s3", "", "gemini/sim", "gemini/sim"},        // by the key's workload
		{codingKey, "s3", "", "auto", "gemini/sim"},
	} {
		if got := l.talk(t, c.key, c.session, c.workload, c.model); got != c.want {
			t.Errorf("%d: %+v: %s", i, c, got)
		}
	}
	l.stop()
	l.up(t)
	l.ready(t)
	if got := l.talk(t, memberKey, "s1", "coding", "auto"); got != "messages/sim-n3" {
		t.Errorf("after the restart: %s", got)
	}
	out, errOut, status := l.command(t, "session", "switch", "s3", "--clear")
	if status != 0 || !strings.Contains(out, "s3 goes by what its requests ask for") {
		t.Errorf("%d %s %s", status, out, errOut)
	}
	l.stop()
	l.up(t)
	l.ready(t)
	if got := l.talk(t, codingKey, "s3", "", "auto"); got != "messages-2/sim-n2" {
		t.Errorf("after it was taken back: %s", got)
	}
}

// TestASessionGoesOnWithoutItsModelWhereThatFails, and comes back to it.
func TestASessionGoesOnWithoutItsModelWhereThatFails(t *testing.T) {
	t.Parallel()
	l := newSessionLab(t)
	l.talk(t, memberKey, "s1", "coding", "messages/sim-n3")
	l.script(t, "sim-n3", "e529")
	for _, want := range []string{"messages-2/sim-n2", "messages/sim-n3"} {
		if got := l.talk(t, memberKey, "s1", "coding", "auto"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	b, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.config, []byte(strings.Replace(string(b), "  messages: {", "  renamed: {", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	l.stop()
	l.up(t)
	l.ready(t)
	if got := l.talk(t, memberKey, "s1", "coding", "auto"); got != "messages-2/sim-n2" {
		t.Errorf("without its provider: %s", got)
	}
	if _, body := l.call(t, http.MethodGet, "/api/v1/sessions/s1", memberKey, "", nil); !strings.Contains(body, `"chosen":{"model":"messages/sim-n3"`) {
		t.Errorf("the choice is gone: %s", body)
	}
}

// shownSession is what the API says of a session.
type shownSession struct {
	ID, User, Model string
	Provider        string
	Turns           int
	Chosen          *struct{ Model, By string }
	Data            []struct{ ID, Model, User string }
	Next            *string `json:"next_cursor"`
}

// TestSessionsAreSeenAndSwitchedByThoseWhoMay tries the API and the command line.
func TestSessionsAreSeenAndSwitchedByThoseWhoMay(t *testing.T) {
	t.Parallel()
	l := newSessionLab(t)
	odd := "a/b ü?%2F"
	for _, s := range []string{"s1", odd, "s2", "s1"} {
		if got := l.talk(t, memberKey, s, "coding", "auto"); got != "messages-2/sim-n2" {
			t.Fatal(got)
		}
	}
	l.talk(t, limitedKey, "lims", "", "chat/sim")
	l.talk(t, strangerKey, "eves", "", "chat/sim")
	l.turns(t, 5)
	path := func(id string) string { return "/api/v1/sessions/" + url.PathEscape(id) }
	for name, c := range map[string]struct{ key, method, path, body, want string }{
		"a member switches":     {memberKey, "PUT", path("s1") + "/model", `{"model":"gemini/sim"}`, `"chosen":{"model":"gemini/sim","by":"mia"`},
		"an admin switches":     {key, "PUT", path(odd) + "/model", `{"model":"usual"}`, `"chosen":{"model":"chat/sim","by":"ada"`},
		"another member":        {limitedKey, "PUT", path("s2") + "/model", `{"model":"chat/sim"}`, "404 "},
		"another member looks":  {limitedKey, "GET", path("s2"), "", "404 "},
		"another org":           {strangerKey, "GET", path("s2"), "", "404 "},
		"another org switches":  {strangerKey, "PUT", path("s2") + "/model", `{"model":"chat/sim"}`, "404 "},
		"a member asks for all": {memberKey, "GET", "/api/v1/sessions?user=lim", "", "403 "},
		"no such session":       {key, "PUT", path("nobody") + "/model", `{"model":"chat/sim"}`, "there is no such session"},
		"no such model":         {memberKey, "PUT", path("s2") + "/model", `{"model":"messages/clod-x9z"}`, "404 "},
		"nearest names":         {memberKey, "PUT", path("s2") + "/model", `{"model":"simm"}`, "nearest: "},
		"not for this key":      {limitedKey, "PUT", path("lims") + "/model", `{"model":"gemini/sim"}`, "403 "},
		"no model":              {memberKey, "PUT", path("s2") + "/model", `{"model":"workload/coding"}`, "422 "},
		"no body":               {memberKey, "PUT", path("s2") + "/model", `{}`, "422 "},
	} {
		if _, body := l.call(t, c.method, c.path, c.key, c.body, nil); !strings.Contains(body, c.want) {
			t.Errorf("%s: %s", name, body)
		}
	}
	for session, want := range map[string]string{"s1": "gemini/sim", odd: "chat/sim", "s2": "messages-2/sim-n2"} {
		if got := l.talk(t, memberKey, session, "coding", "auto"); got != want {
			t.Errorf("%s: %s, want %s", session, got, want)
		}
	}
	for _, method := range []string{"PUT", "DELETE"} {
		body := map[string]string{"PUT": `{"model":null}`}[method]
		id := map[string]string{"PUT": "s1", "DELETE": odd}[method]
		if _, got := l.call(t, method, path(id)+"/model", memberKey, body, nil); !strings.Contains(got, `"chosen":null`) {
			t.Errorf("%s: %s", method, got)
		}
		// What was chosen isn't in the chain, or is, and has the session in its cache.
		if got, want := l.talk(t, memberKey, id, "coding", "auto"), map[string]string{"PUT": "messages-2/sim-n2", "DELETE": "chat/sim"}[method]; got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	l.turns(t, 10)
	var ids []string
	for cursor := ""; ; {
		var page shownSessions
		_, body := l.call(t, http.MethodGet, "/api/v1/sessions?limit=2&cursor="+url.QueryEscape(cursor), key, "", nil)
		if err := json.Unmarshal([]byte(body), &page, json.MatchCaseInsensitiveNames(true)); err != nil {
			t.Fatal(err, body)
		}
		for _, s := range page.Data {
			ids = append(ids, s.ID)
		}
		if page.Next == nil {
			break
		}
		cursor = *page.Next
	}
	if len(ids) != 4 || ids[3] != "lims" || ids[0] != odd {
		t.Errorf("%q", ids)
	}
	var s shownSession
	_, body := l.call(t, http.MethodGet, path("s1")+"?limit=3", memberKey, "", nil)
	if err := json.Unmarshal([]byte(body), &s, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
	var models []string
	for _, turn := range s.Data {
		models = append(models, turn.Model)
	}
	if d := cmp.Diff([]string{"sim-n2", "sim", "sim-n2"}, models); d != "" || s.Next == nil || s.Turns != 4 || s.Provider != "messages-2" || s.User != "mia" {
		t.Error(d, body)
	}
	out, errOut, status := l.command(t, "session", "switch", "s1", "gemini/sim")
	if status != 0 || out != "s1 stays on gemini/sim\n" {
		t.Errorf("%d %s %s", status, out, errOut)
	}
	if out, errOut, status = l.command(t, "session", "show", "s1"); status != 0 || !strings.Contains(out, "gemini/sim, chosen by ada") || strings.Count(out, "mia") != 5 {
		t.Errorf("%d %s %s", status, out, errOut)
	}
}

type shownSessions struct {
	Data []shownSession
	Next *string `json:"next_cursor"`
}

// TestAReviewKeepsTheSessionsPlace: model, key, and every byte of the prefix.
func TestAReviewKeepsTheSessionsPlace(t *testing.T) {
	t.Parallel()
	l := newSessionLab(t)
	const begin = `"max_tokens": 64,  "system":[{"type":"text","text":"be ü\u00fc brief","cache_control":{"type":"ephemeral"}}], "tools":[{"name":"look","input_schema":{"type":"object","properties":{"b":{},"a":{}}}}],` +
		"\n" + ` "messages":[ {"role":"user","content":"one"},{"role":"assistant","content":[{"type":"text","text":"1"}]},{"content":"two","role":"user"}`
	ask := func(session, workload, model, body string) {
		t.Helper()
		h, b := l.call(t, http.MethodPost, "/v1/messages", memberKey, `{"model":"`+model+`",`+body+`]}`, map[string]string{"X-Oido-Session": session, "X-Oido-Workload": workload, "anthropic-version": "2023-06-01"})
		if h == nil || h.Get("X-Oido-Provider") != "messages-2" {
			t.Fatalf("%s: %s %v", model, b, h)
		}
	}
	const review = begin + `,{"role":"assistant","content":"2"},{"role":"user","content":"review this"}`
	for n := range 6 {
		session := fmt.Sprintf("r%d", n)
		ask(session, "coding", "auto", begin)
		// What is asked besides, of another model, moves nothing.
		if got := l.talk(t, memberKey, session, "", "chat/sim"); got != "chat/sim" {
			t.Fatal(got)
		}
		ask(session, "review", "auto", review)
		ask(session, "", "workload/review", review)
		ask(session, "coding", "auto", begin)
	}
	type sent struct {
		Path, Body string
		Header     http.Header
	}
	var got []sent
	for range 100 {
		var list []sent
		getJSONLoose(t, l.sim+"/sim/requests", &list)
		got = nil
		for _, r := range list {
			if strings.Contains(r.Body, `"system":[`) && strings.HasPrefix(r.Path, "/anthropic") {
				got = append(got, r)
			}
		}
		if len(got) >= 24 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if len(got) != 24 {
		t.Fatalf("%d requests", len(got))
	}
	keys := map[string]bool{}
	for i, r := range got {
		first := got[i/4*4]
		if d := cmp.Diff(first.Header["X-Api-Key"], r.Header["X-Api-Key"]); d != "" {
			t.Errorf("%d: another key: %s", i, d)
		}
		keys[r.Header.Get("X-Api-Key")] = true
		if prefix := `{"model":"sim-n2",` + begin; !strings.HasPrefix(r.Body, prefix) {
			t.Errorf("%d: another beginning: %s", i, r.Body)
		}
	}
	if len(keys) != 2 {
		t.Errorf("%d keys for six sessions", len(keys))
	}
}

// getJSONLoose is getJSON for fields of any case.
func getJSONLoose(t *testing.T, address string, v any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.UnmarshalRead(resp.Body, v, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatal(err)
	}
}
