package httpapi_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/session"
)

func TestAKeyIsNeededAndSeenEverywhere(t *testing.T) {
	t.Parallel()
	e := newEdge(t, upstream(t), edgeOptions{})
	for _, w := range ways {
		for _, c := range []struct {
			name   string
			path   string
			header []string
			status int
		}{
			{"none", w.path, nil, 401},
			{"empty", w.path, []string{"Authorization", "Bearer "}, 401},
			{"unknown", w.path, []string{"Authorization", "Bearer nobody-knows-this-key-at-all"}, 401},
			{"huge", w.path, []string{"X-Api-Key", strings.Repeat("k", 50_000)}, 401},
			{"bearer", w.path, []string{"Authorization", "bearer " + adminKey}, 200},
			{"x-api-key", w.path, []string{"X-Api-Key", adminKey}, 200},
			{"x-goog-api-key", w.path, []string{"X-Goog-Api-Key", adminKey}, 200},
			{"the same twice", w.path, []string{"Authorization", "Bearer " + adminKey, "X-Api-Key", adminKey}, 200},
			{"two", w.path, []string{"Authorization", "Bearer " + adminKey, "X-Api-Key", memberKey}, 401},
			{"viewer", w.path, []string{"X-Api-Key", viewerKey}, 403},
			{"in the query", w.path + "?key=" + adminKey, nil, map[bool]int{true: 200, false: 401}[w.name == "gemini"]},
			{"in the query and another", w.path + "?key=" + adminKey, []string{"X-Goog-Api-Key", memberKey}, map[bool]int{true: 401, false: 200}[w.name == "gemini"]},
		} {
			got := e.ask("POST", c.path, "", w.body, c.header...)
			if got.Code != c.status {
				t.Errorf("%s, %s: %d %s", w.name, c.name, got.Code, got.Body)
			}
			if c.status != 200 && (!strings.HasPrefix(got.Body.String(), w.wrong) || got.Header().Get("Content-Type") != "application/json") {
				t.Errorf("%s, %s: %s", w.name, c.name, got.Body)
			}
			if got.Header().Get("X-Request-Id") == "" {
				t.Errorf("%s, %s: no request id", w.name, c.name)
			}
		}
	}
	for _, secret := range []string{adminKey, memberKey, viewerKey, "nobody-knows", "upstream-secret"} {
		if strings.Contains(e.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestLabelsReachTheTurn(t *testing.T) {
	t.Parallel()
	e := newEdge(t, upstream(t), edgeOptions{names: 3})
	for _, w := range ways {
		got := e.ask("POST", w.path, adminKey, w.body, "X-Oido-Workload", "wiki", "X-Oido-Agent", "scribe", "X-Oido-Purpose", "test",
			"X-Oido-Class", "reasoning", "X-Oido-Session", "s1", "X-Oido-User", "zoe", "X-Oido-Timeout", "30s")
		if got.Code != 200 {
			t.Fatalf("%s: %d %s", w.name, got.Code, got.Body)
		}
		turn, status := e.notes.last(t)
		want := []string{"acme", "zoe", "wiki", "scribe", "test", "reasoning", "s1", string(session.SourceHeader), "up/sim", w.name, "ok"}
		have := []string{turn.Org, turn.User, turn.Workload, turn.Agent, turn.Purpose, turn.Class, turn.Session, string(turn.SessionSource), turn.RequestedModel, string(turn.Format), string(status)}
		if d := cmp.Diff(want, have); d != "" {
			t.Errorf("%s: %s", w.name, d)
		}
		h := got.Header()
		have = []string{h.Get("X-Oido-Turn"), h.Get("X-Oido-Provider"), h.Get("X-Oido-Model"), h.Get("X-Oido-Attempts"), h.Get("X-Oido-Fallback"), h.Get("X-Oido-Session"), h.Get("X-Oido-Workload"), h.Get("X-Oido-Class")}
		if d := cmp.Diff([]string{turn.ID, "up", "sim", "1", "false", "s1", "wiki", "reasoning"}, have); d != "" {
			t.Errorf("%s: %s", w.name, d)
		}
	}
	// A key's own agent stands where none is named.
	if got := e.ask("POST", ways[0].path, memberKey, ways[0].body); got.Code != 200 {
		t.Fatal(got.Code)
	}
	if turn, _ := e.notes.last(t); turn.Agent != "helper" || turn.User != "bob" {
		t.Errorf("%+v", turn)
	}
	for i, want := range []string{"n1", "n2", "~other"} { // "scribe" was the first new name
		if got := e.ask("POST", ways[0].path, adminKey, ways[0].body, "X-Oido-Agent", fmt.Sprintf("n%d", i+1)); got.Code != 200 {
			t.Fatal(got.Code)
		}
		if turn, _ := e.notes.last(t); turn.Agent != want {
			t.Errorf("the new name %d became %q", i, turn.Agent)
		}
	}
}

func TestLabelsThatAreRefused(t *testing.T) {
	t.Parallel()
	e := newEdge(t, upstream(t), edgeOptions{})
	for _, c := range []struct {
		key, header, value string
		status             int
	}{
		{memberKey, "X-Oido-Agent", "scribe", 403},
		{memberKey, "X-Oido-User", "zoe", 403},
		{adminKey, "X-Oido-Agent", strings.Repeat("a", 129), 400},
		{adminKey, "X-Oido-Agent", " a", 400},
		{adminKey, "X-Oido-Workload", "a\x00b", 400},
		{adminKey, "X-Oido-Session", "a\xffb", 400},
		{adminKey, "X-Oido-Timeout", "soon", 400},
		{adminKey, "X-Oido-Timeout", "-3s", 400},
		{adminKey, "X-Oido-Timeout", "99999999999999h", 400},
	} {
		got := e.ask("POST", ways[0].path, c.key, ways[0].body, c.header, c.value)
		if got.Code != c.status || !strings.Contains(got.Body.String(), c.header) {
			t.Errorf("%s %.20q: %d %s", c.header, c.value, got.Code, got.Body)
		}
	}
	if len(e.notes.turns) != 0 {
		t.Errorf("%d turns of refused requests", len(e.notes.turns))
	}
}

// TestNamesInBodiesAreBounded: fields that name a user, a session or a model come
// into rows, roll-ups and headers.
func TestNamesInBodiesAreBounded(t *testing.T) {
	t.Parallel()
	e := newEdge(t, upstream(t), edgeOptions{})
	long := strings.Repeat("é", 20_000)
	for path, body := range map[string]string{
		"/v1/chat/completions": `{"model":"up/sim","user":%q,"prompt_cache_key":%q,"messages":[{"role":"user","content":"hi"}]}`,
		"/v1/responses":        `{"model":"up/sim","user":%q,"prompt_cache_key":%q,"store":false,"input":"hi"}`,
	} {
		got := e.ask("POST", path, adminKey, fmt.Sprintf(body, long, long))
		if got.Code != 200 {
			t.Fatalf("%s: %d %s", path, got.Code, got.Body)
		}
		turn, _ := e.notes.last(t)
		if len(turn.EndUser) > 128 || !strings.HasPrefix(long, turn.EndUser) || turn.EndUser == "" || strings.ToValidUTF8(turn.EndUser, "") != turn.EndUser {
			t.Errorf("%s: the user has %d bytes", path, len(turn.EndUser))
		}
		if len(turn.Session) > 128 || turn.Session == "" || turn.SessionSource != session.SourceBody || len(got.Header().Get("X-Oido-Session")) > 128 {
			t.Errorf("%s: the session has %d bytes", path, len(turn.Session))
		}
		first := turn.Session
		e.ask("POST", path, adminKey, fmt.Sprintf(body, long, long))
		e.ask("POST", path, adminKey, fmt.Sprintf(body, long, long+"x"))
		if n := len(e.notes.turns); e.notes.turns[n-2].Session != first || e.notes.turns[n-1].Session == first {
			t.Errorf("%s: long sessions are not told apart: %s", path, first)
		}
	}
	for _, w := range ways {
		body, path := strings.ReplaceAll(w.body, "up/sim", "up/"+long), strings.ReplaceAll(w.path, "up/sim", "up/"+url.PathEscape(long))
		got := e.ask("POST", path, adminKey, body)
		if got.Code != 404 && got.Code != 400 || got.Body.Len() > 2000 || !strings.HasPrefix(got.Body.String(), w.wrong) {
			t.Errorf("%s: %d, %d bytes: %.300s", w.name, got.Code, got.Body.Len(), got.Body)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	e := newEdge(t, upstream(t), edgeOptions{limit: 100_000, budget: 250_000})
	for _, w := range ways {
		pad := func(n int) string {
			return strings.Replace(w.body, `{`, `{`+strings.Repeat(" ", n-len(w.body)), 1)
		}
		if got := e.ask("POST", w.path, adminKey, pad(100_000)); got.Code != 200 {
			t.Errorf("%s: at the limit %d %s", w.name, got.Code, got.Body)
		}
		for _, chunked := range []bool{false, true} {
			r := httptest.NewRequest("POST", w.path, strings.NewReader(pad(100_001)))
			if chunked {
				r.ContentLength = -1
			}
			r.Header.Set("X-Api-Key", adminKey)
			got := httptest.NewRecorder()
			e.mux.ServeHTTP(got, r)
			if got.Code != 413 || !strings.HasPrefix(got.Body.String(), w.wrong) {
				t.Errorf("%s, chunked %v: %d %s", w.name, chunked, got.Code, got.Body)
			}
		}
		broken := httptest.NewRequest("POST", w.path, io.MultiReader(strings.NewReader(w.body[:10]), failing{}))
		broken.Header.Set("X-Api-Key", adminKey)
		got := httptest.NewRecorder()
		e.mux.ServeHTTP(got, broken)
		if got.Code != 400 || !strings.HasPrefix(got.Body.String(), w.wrong) {
			t.Errorf("%s: a body that breaks off: %d %s", w.name, got.Code, got.Body)
		}
	}
	if n := e.Budget.Used(); n != 0 {
		t.Errorf("%d bytes of the budget are never given back", n)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestTheBudgetIsForAllRequests(t *testing.T) {
	t.Parallel()
	inside, leave := make(chan struct{}, 8), make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		inside <- struct{}{}
		<-leave
		_, _ = io.WriteString(w, answered)
	}))
	t.Cleanup(s.Close)
	e := newEdge(t, s.URL, edgeOptions{limit: 100_000, budget: 250_000})
	body := strings.Replace(ways[0].body, `{`, `{`+strings.Repeat(" ", 90_000), 1)
	codes := make(chan int, 2)
	for range 2 {
		go func() { codes <- e.ask("POST", ways[0].path, adminKey, body).Code }()
		<-inside
	}
	for _, w := range ways {
		got := e.ask("POST", w.path, adminKey, strings.Replace(w.body, `{`, `{`+strings.Repeat(" ", 90_000), 1))
		if got.Code != 503 || got.Header().Get("Retry-After") == "" || !strings.HasPrefix(got.Body.String(), w.wrong) {
			t.Errorf("%s beyond the budget: %d %s", w.name, got.Code, got.Body)
		}
	}
	close(leave)
	for range 2 {
		if code := <-codes; code != 200 {
			t.Errorf("within the budget: %d", code)
		}
	}
	if n := e.Budget.Used(); n != 0 {
		t.Errorf("%d bytes of the budget are never given back", n)
	}
}

func TestMethodsAndPaths(t *testing.T) {
	t.Parallel()
	e := newEdge(t, upstream(t), edgeOptions{})
	for _, c := range []struct {
		method, path string
		status       int
		wrong        string
	}{
		{"GET", "/v1/chat/completions", 405, `{"error":{"message":`},
		{"PUT", "/v1/responses", 405, `{"error":{"message":`},
		{"DELETE", "/v1/messages", 405, `{"type":"error"`},
		{"GET", "/v1/messages/count_tokens", 405, `{"type":"error"`},
		{"POST", "/v1/models", 405, `{"error":{"message":`},
		{"GET", "/v1beta/models/sim:generateContent", 404, `{"error":{"code":`},
		{"DELETE", "/v1beta/models/sim:generateContent", 404, `{"error":{"code":`},
		{"POST", "/v1beta/models", 405, `{"error":{"code":`},
		{"POST", "/v1beta/models/up/sim:fly", 404, `{"error":{"code":`},
		{"POST", "/v1beta/models/up/sim:embedContent", 400, `{"error":{"code":`},
		{"POST", "/v1/embeddings", 400, `{"error":{"message":`},
		{"GET", "/v1/embeddings", 405, `{"error":{"message":`},
		{"GET", "/v1/files", 501, `{"error":{"message":`},
		{"GET", "/v1/responses/resp_1", 400, `{"error":{"message":"answers are not kept here, responses.store is off`},
		{"DELETE", "/v1/responses/resp_1", 400, `{"error":{"message":"answers are not kept here, responses.store is off`},
		{"POST", "/v1/responses/resp_1/cancel", 501, `{"error":{"message":`},
		{"POST", "/v1/messages/batches", 501, `{"type":"error"`},
		{"GET", "/v1/nothing", 404, `{"error":{"message":`},
		{"GET", "/v1beta/nothing", 404, `{"error":{"code":`},
		{"GET", "/v1/models/up/sim", 200, `{"id":"up/sim"`},
		{"GET", "/v1/models/none", 404, `{"error":{"message":`},
	} {
		got := e.ask(c.method, c.path, adminKey, "")
		if got.Code != c.status || !strings.HasPrefix(got.Body.String(), c.wrong) {
			t.Errorf("%s %s: %d %s", c.method, c.path, got.Code, got.Body)
		}
		if c.status == 405 && got.Header().Get("Allow") == "" {
			t.Errorf("%s %s: not told what is allowed", c.method, c.path)
		}
		if !jsontext.Value(bytes.TrimSpace(got.Body.Bytes())).IsValid() {
			t.Errorf("%s %s: no JSON: %s", c.method, c.path, got.Body)
		}
	}
}

func TestBodiesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	e := newEdge(t, upstream(t), edgeOptions{})
	for _, w := range ways {
		for name, body := range map[string]string{
			"nothing":             "",
			"no JSON":             "hello",
			"half":                w.body[:len(w.body)-1],
			"an array":            "[" + w.body + "]",
			"null":                "null",
			"two":                 w.body + w.body,
			"a field twice":       strings.Replace(w.body, "{", `{"tools":[],"tools":[],`, 1),
			"twice, escaped":      strings.Replace(w.body, "{", `{"tools":[],"t\u006fols":[],`, 1),
			"broken UTF-8":        strings.Replace(w.body, "hi", "\xff\xfe", 1),
			"a lone surrogate":    strings.Replace(w.body, "hi", `\ud800`, 1),
			"deep":                strings.Replace(w.body, "{", `{"x":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+",", 1),
			"a control character": strings.Replace(w.body, "hi", "\x01", 1),
		} {
			got := e.ask("POST", w.path, adminKey, body)
			if got.Code != 400 || !strings.HasPrefix(got.Body.String(), w.wrong) {
				t.Errorf("%s, %s: %d %.200s", w.name, name, got.Code, got.Body)
			}
		}
	}
	for _, end := range e.notes.ends {
		if end != dispatch.StatusError {
			t.Errorf("a turn of a body that can't be read ended %s", end)
		}
	}
}
