package httpapi_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/idempotency"
	"github.com/oidostudio/oido/internal/responsestore"
	"github.com/oidostudio/oido/internal/seal"
	"github.com/oidostudio/oido/internal/writebehind"
)

// keeping has an edge keep answers, in memory alone.
func keeping(t *testing.T, base string) (*edge, *responsestore.Store) {
	t.Helper()
	e := newEdge(t, base, edgeOptions{})
	s, err := seal.New([]byte("a secret of some length"), "answers")
	if err != nil {
		t.Fatal(err)
	}
	o := writebehind.Options{Sealer: s, Log: slog.New(slog.DiscardHandler)}
	e.Gateway.Answers, e.Repeats = responsestore.New(o), idempotency.New(idempotency.Options{Cache: o})
	t.Cleanup(e.Gateway.Answers.Close)
	t.Cleanup(e.Repeats.Close)
	st := *e.Gateway.State()
	st.KeepAnswers = time.Hour
	e.Gateway.Swap(&st)
	return e, e.Gateway.Answers
}

// Whatever a provider that reads its requests less strictly than we do has answered
// to, it can be listed.
func TestWhateverWasAskedIsListed(t *testing.T) {
	t.Parallel()
	e, answers := keeping(t, upstream(t))
	for name, c := range map[string]struct{ asked, want string }{
		"nothing":       {`[]`, `{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}`},
		"null":          {`[null,{"type":"message"}]`, `{"object":"list","data":[{"id":"item_\"1_1","type":"message"}],"first_id":"item_\"1_1","last_id":"item_\"1_1","has_more":false}`},
		"a field twice": {`[{"id":"a","id":"b","type":"message"}]`, `{"object":"list","data":[{"id":"b","type":"message"}],"first_id":"b","last_id":"b","has_more":false}`},
		"broken UTF-8":  {"[{\"id\":\"a\",\"type\":\"message\",\"x\":\"\xff\"}]", `{"object":"list","data":[{"id":"a","type":"message","x":"` + "\ufffd" + `"}],"first_id":"a","last_id":"a","has_more":false}`},
		"no id":         {`[{"id":7,"role":"user"}]`, `{"object":"list","data":[{"id":"item_\"1_0","role":"user","type":"message"}],"first_id":"item_\"1_0","last_id":"item_\"1_0","has_more":false}`},
	} {
		answers.Keep("acme", "ada", `resp_"1`, &responsestore.Answer{Asked: []byte(c.asked), Whole: []byte(`{}`)}, time.Hour)
		got := e.ask(http.MethodGet, "/v1/responses/resp_%221/input_items", adminKey, "")
		if d := cmp.Diff(c.want, strings.TrimSpace(got.Body.String())); d != "" || got.Code != 200 {
			t.Errorf("%s: %d %s", name, got.Code, d)
		}
	}
}

// What a key does for one user under a name isn't answered to another.
func TestAnIdempotencyKeyIsOneUsers(t *testing.T) {
	t.Parallel()
	e, _ := keeping(t, upstream(t))
	turns := map[string]string{}
	for _, c := range []struct{ user, replayed string }{{"", ""}, {"ada", "true"}, {"zoe", ""}, {"bob", ""}, {"zoe", "true"}} {
		header := []string{"Idempotency-Key", "one"}
		if c.user != "" {
			header = append(header, "X-Oido-User", c.user)
		}
		got := e.ask("POST", ways[0].path, adminKey, ways[0].body, header...)
		if got.Code != 200 || got.Header().Get("Idempotent-Replayed") != c.replayed {
			t.Fatalf("%q: %d %v %s", c.user, got.Code, got.Header(), got.Body)
		}
		user := c.user
		if user == "" {
			user = "ada" // the key's own
		}
		turn := got.Header().Get("X-Oido-Turn")
		if was, ok := turns[user]; ok != (c.replayed != "") || ok && was != turn {
			t.Errorf("%q: turn %s after %v", c.user, turn, turns)
		}
		turns[user] = turn
	}
}

// An answer that says itself that it failed is not what the key was meant for.
func TestAFailedAnswerIsNotGivenAgain(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		_, _ = io.WriteString(w, strings.Replace(answered, `"stop"`, `"error"`, 1))
	}))
	t.Cleanup(s.Close)
	e, _ := keeping(t, s.URL)
	for _, w := range ways {
		var turns []string
		for range 2 {
			got := e.ask("POST", w.path, adminKey, w.body, "Idempotency-Key", w.name)
			turns = append(turns, got.Header().Get("X-Oido-Turn"))
			if got.Header().Get("Idempotent-Replayed") != "" {
				t.Errorf("%s: given again: %s", w.name, got.Body)
			}
		}
		if turns[0] == "" || turns[0] == turns[1] {
			t.Errorf("%s: turns %v", w.name, turns)
		}
	}
}
