package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// keyed is an answer to a request under an idempotency key.
type keyed struct {
	status   int
	turn     string
	provider string
	cost     string
	replayed string
	body     string
}

// again sends a request under keys; ctx may end it.
func (l *lab) again(ctx context.Context, path, body string, keys ...string) (keyed, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+path, strings.NewReader(body))
	if err != nil {
		return keyed{}, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	for _, k := range keys {
		req.Header.Add("Idempotency-Key", k)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return keyed{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	h := resp.Header
	return keyed{resp.StatusCode, h.Get("X-Oido-Turn"), h.Get("X-Oido-Provider"), h.Get("X-Oido-Cost-Usd"), h.Get("Idempotent-Replayed"), string(b)}, err
}

// sent is again for a test that waits for the answer.
func (l *lab) sent(t *testing.T, path, body string, keys ...string) keyed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	k, err := l.again(ctx, path, body, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestAnAnswerIsGivenAgain: in every format, and for embeddings, over a restart and
// a kill, without another turn.
func TestAnAnswerIsGivenAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	type request struct{ path, body, other string }
	requests := map[string]request{
		"embeddings": {"/v1/embeddings", `{"model":"chat/sim","input":"one"}`, `{"model":"chat/sim","input":"two"}`},
		"vectors":    {"/v1beta/models/gemini/sim:embedContent", `{"content":{"parts":[{"text":"one"}]}}`, `{"content":{"parts":[{"text":"two"}]}}`},
	}
	for _, d := range dialects {
		path, body := d.hello("messages/sim", false)
		_, other := d.hello("messages/sim", true)
		if other == body { // the path says it
			other = strings.Replace(body, question, "Something else?", 1)
		}
		requests[d.name] = request{path, body, other}
	}
	first := map[string]keyed{}
	for name, r := range requests {
		a := l.sent(t, r.path, r.body, "key of "+name)
		if a.status != 200 || a.turn == "" || a.provider == "" || a.replayed != "" {
			t.Fatalf("%s: %+v", name, a)
		}
		a.replayed = "true"
		first[name] = a
	}
	same := func(when string) {
		t.Helper()
		for name, r := range requests {
			if d := cmp.Diff(first[name], l.sent(t, r.path, r.body, "key of "+name), cmp.AllowUnexported(keyed{})); d != "" {
				t.Errorf("%s, %s: %s", name, when, d)
			}
			if a := l.sent(t, r.path, r.other, "key of "+name); a.status != 422 || !strings.Contains(a.body, "idempotency_key_reused") || a.turn != "" {
				t.Errorf("%s, %s, another body: %+v", name, when, a)
			}
		}
	}
	same("at once")
	l.turns(t, len(requests))
	time.Sleep(300 * time.Millisecond) // what is written behind is there
	l.kill(t)
	l.up(t)
	same("after a kill")
	l.stop()
	l.up(t)
	same("after a restart")
	l.turns(t, len(requests))
	if n := l.usageTurns(t); n != len(requests) {
		t.Errorf("%d turns were used", n)
	}
}

// TestOneRequestAKeyAtATime: in every format and for streams, the one that comes
// second is refused in its own words, and the key is free once the first has ended.
func TestOneRequestAKeyAtATime(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	t.Run("formats", func(t *testing.T) {
		for _, d := range dialects {
			for _, stream := range []bool{false, true} {
				id := fmt.Sprint("key of ", d.name, stream)
				t.Run(id, func(t *testing.T) {
					t.Parallel()
					l.oneAtATime(t, &d, stream, id)
				})
			}
		}
	})
	l.turns(t, 3*len(dialects))
}

func (l *lab) oneAtATime(t *testing.T, d *dialect, stream bool, id string) {
	path, body := d.hello("chat/sim-l3000", stream)
	answers := make(chan keyed, 2)
	for range 2 {
		go func() {
			a, err := l.again(t.Context(), path, body, id)
			if err != nil {
				t.Error(err)
			}
			answers <- a
		}()
	}
	refused := <-answers // the other one takes three seconds
	opens := `{"error":{`
	if d.name == "messages" {
		opens = `{"type":"error","error":{`
	}
	if refused.status != 409 || !strings.HasPrefix(refused.body, opens) || !strings.Contains(refused.body, "still being answered") {
		t.Errorf("the second: %+v", refused)
	}
	if a := l.sent(t, path, strings.Replace(body, question, "Something else?", 1), id); a.status != 422 || !strings.HasPrefix(a.body, opens) {
		t.Errorf("another body: %+v", a)
	}
	if a := <-answers; a.status != 200 || a.replayed != "" {
		t.Errorf("the first: %+v", a)
	}
	if stream { // which is not kept: the key is free
		path, body = d.hello("chat/sim", stream)
		if a := l.sent(t, path, body, id); a.status != 200 || a.replayed != "" {
			t.Errorf("after a stream: %+v", a)
		}
	}
}

// TestOnlyFinishedAnswersAreKept: what failed, was refused or was given up by its
// client runs again.
func TestOnlyFinishedAnswersAreKept(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path, body := chatDialect.hello("chat/sim-e503", false)
	var turns []string
	for range 2 {
		a := l.sent(t, path, body, "failed")
		if a.status != 503 || a.turn == "" || a.replayed != "" {
			t.Errorf("%+v", a)
		}
		turns = append(turns, a.turn)
	}
	if turns[0] == turns[1] {
		t.Error("the retry has no turn of its own")
	}
	for range 2 {
		if a := l.sent(t, path, hello("nobody/has-this", false), "refused"); a.status != 404 || a.replayed != "" {
			t.Errorf("%+v", a)
		}
	}
	if a := l.sent(t, path, hello("chat/sim", false), "refused"); a.status != 200 || a.replayed != "" {
		t.Errorf("after a refusal: %+v", a)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if a, err := l.again(ctx, path, hello("chat/sim-l60000", false), "given up"); err == nil {
		t.Errorf("not given up: %+v", a)
	}
	var a keyed
	for range 100 { // until the server has seen it
		if a = l.sent(t, path, hello("chat/sim", false), "given up"); a.status == 200 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if a.status != 200 || a.replayed != "" {
		t.Errorf("after its client had left: %+v", a)
	}
	rows := l.turns(t, 5)
	statuses := map[string]int{}
	for _, r := range rows {
		statuses[r.Status]++
	}
	if d := cmp.Diff(map[string]int{"ok": 2, "error": 2, "canceled": 1}, statuses); d != "" {
		t.Error(d)
	}
}

// TestKeysThatAreNone: in the caller's own words.
func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, d := range dialects {
		path, body := d.hello("chat/sim", false)
		for name, keys := range map[string][]string{"empty": {""}, "two": {"a", "b"}, "long": {strings.Repeat("k", 256)}} {
			a := l.sent(t, path, body, keys...)
			var shape struct {
				Error struct {
					Message string `json:"message"`
				} `json:"error"`
			}
			if err := json.Unmarshal([]byte(a.body), &shape); err != nil || a.status != 400 || !strings.Contains(shape.Error.Message, "255") {
				t.Errorf("%s at %s: %+v", name, d.name, a)
			}
		}
		if a := l.sent(t, path, body, strings.Repeat("k", 254)+d.name[:1]); a.status != 200 {
			t.Errorf("the longest at %s: %+v", d.name, a)
		}
	}
	// Counting is no turn: its key is not looked at.
	for range 2 {
		if a := l.sent(t, "/v1/messages/count_tokens", `{"model":"messages/sim","messages":[{"role":"user","content":"a"}]}`, "count"); a.status != 200 || a.replayed != "" {
			t.Errorf("%+v", a)
		}
	}
}
