package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/responsestore"
	"github.com/oidostudio/oido/internal/seal"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/responses"
	"github.com/oidostudio/oido/internal/writebehind"
)

// database is a table of answers that can be down.
type database struct{ down atomic.Bool }

var errDown = errors.New("the database is down")

func (d *database) err() error {
	if d.down.Load() {
		return errDown
	}
	return nil
}

func (d *database) Write(context.Context, []writebehind.Row) error { return d.err() }

func (d *database) Read(context.Context, string, string, time.Time) (*writebehind.Row, error) {
	return nil, d.err()
}

func (d *database) Forget(context.Context, time.Time) (bool, error) { return false, d.err() }

// keeping is a rig that keeps answers in front of a provider that speaks Chat, and
// says what that was sent.
func keeping(t *testing.T) (*rig, *database, func() string) {
	t.Helper()
	var sent atomic.Value
	r, db := keepingAt(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		sent.Store(string(b))
		if strings.Contains(string(b), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, word+strings.Replace(word, `"delta":{"content":"hello you"}`, `"delta":{},"finish_reason":"stop"`, 1)+"data: [DONE]\n\n")
			return
		}
		_, _ = fmt.Fprintf(w, answered, "priced")
	})
	return r, db, func() string { body, _ := sent.Load().(string); return body }
}

// keepingAt is a rig that keeps answers in front of a provider.
func keepingAt(t *testing.T, h http.HandlerFunc) (*rig, *database) {
	t.Helper()
	r := newRig(t, []string{"k"}, nil, h)
	s, err := seal.New([]byte("a secret of some length"), "responses")
	if err != nil {
		t.Fatal(err)
	}
	db := &database{}
	r.Answers = responsestore.New(writebehind.Options{Sealer: s, Table: db, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(r.Answers.Close)
	st := *r.State()
	st.KeepAnswers = time.Hour
	r.Swap(&st)
	return r, db
}

// respond asks in the Responses format, and returns the answer's id.
func (r *rig) respond(t *testing.T, c identity.Caller, fields string) (id string, x *gateway.Exchange, err error) {
	t.Helper()
	raw := wire.RawRequest{Method: "POST", Path: "/v1/responses", Body: []byte(`{"model":"up/priced",` + fields + `}`)}
	p, err := responses.Format{}.Peek(raw)
	if err != nil {
		t.Fatal(err)
	}
	x, err = r.Generate(t.Context(), gateway.Call{Format: responses.Format{}, Raw: raw, Peeked: p, Caller: c}, &sink{})
	if err == nil && !p.Stream {
		a, ok := responses.Format{}.Answered(x.Body)
		if !ok {
			t.Fatalf("%s", x.Body)
		}
		id = a.ID
	}
	return id, x, err
}

func TestACallGoesOnFromAnAnswer(t *testing.T) {
	t.Parallel()
	r, _, sent := keeping(t)
	first, x, err := r.respond(t, acme, `"instructions":"be brief","input":"one"`)
	if err != nil {
		t.Fatal(err)
	}
	second, y, err := r.respond(t, acme, `"instructions":"be long","input":"two","previous_response_id":"`+first+`"`)
	if err != nil || y.Session != x.Session {
		t.Fatalf("%v in %s, the first was in %s", err, y.Session, x.Session)
	}
	const want = `{"model":"priced","messages":[{"role":"system","content":"be long"},{"role":"user","content":"one"},{"role":"assistant","content":"hello"},{"role":"user","content":"two"}]`
	if got := sent(); !strings.HasPrefix(got, want) {
		t.Errorf("sent %s\nwant %s", got, want)
	}
	// Of one answer several conversations can go on.
	if _, _, err := r.respond(t, acme, `"input":"three","previous_response_id":"`+first+`"`); err != nil || strings.Contains(sent(), "two") {
		t.Errorf("%v after %s", err, sent())
	}
	bob := acme
	bob.User = "bob"
	ofBob := gateway.Call{Format: responses.Format{}, Caller: acme, Labels: gateway.Labels{User: "bob"}}
	if _, err := r.Answer(t.Context(), ofBob, second); llm.AsError(err) == nil || llm.AsError(err).Status != http.StatusNotFound {
		t.Errorf("as bob: %v", err)
	}
	if _, _, err := r.respond(t, bob, `"input":"x","previous_response_id":"`+second+`"`); llm.AsError(err) == nil || llm.AsError(err).Code != "previous_response_not_found" {
		t.Errorf("as bob: %v", err)
	}
}

// A stream is kept before its end leaves: the next request may come at once.
func TestAStreamIsKeptBeforeItsEndLeaves(t *testing.T) {
	t.Parallel()
	r, _, _ := keeping(t)
	raw := wire.RawRequest{Body: []byte(`{"model":"up/priced","stream":true,"input":"hi"}`)}
	p, err := responses.Format{}.Peek(raw)
	if err != nil {
		t.Fatal(err)
	}
	out := &watchful{look: func(id string) {
		a, err := r.Answer(t.Context(), gateway.Call{Caller: acme}, id)
		if err != nil || !strings.Contains(string(a.Whole), "hello you") {
			t.Errorf("%v %+v", err, a)
		}
	}}
	if _, err := r.Generate(t.Context(), gateway.Call{Format: responses.Format{}, Raw: raw, Peeked: p, Caller: acme}, out); err != nil || !out.ended {
		t.Errorf("%v %+v", err, out)
	}
}

// watchful looks for the answer when it is told its end.
type watchful struct {
	sink
	look  func(id string)
	ended bool
}

func (w *watchful) Write(p []byte) (int, error) {
	if _, end, ok := strings.Cut(string(p), "event: response.completed"); ok {
		_, id, _ := strings.Cut(end, `"id":"`)
		id, _, _ = strings.Cut(id, `"`)
		w.ended = true
		w.look(id)
	}
	return len(p), nil
}

// While the database is down answers go on, and what was answered long ago is not
// said not to be there.
func TestAnswersWhileTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	r, db, _ := keeping(t)
	db.down.Store(true)
	defer db.down.Store(false)
	first, _, err := r.respond(t, acme, `"input":"one"`)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.respond(t, acme, `"input":"two","previous_response_id":"`+first+`"`); err != nil {
		t.Errorf("going on from what was just answered: %v", err)
	}
	_, err1 := r.Answer(t.Context(), gateway.Call{Caller: acme}, "resp_older")
	_, x, err2 := r.respond(t, acme, `"input":"two","previous_response_id":"resp_older"`)
	_, err3 := r.DeleteAnswer(t.Context(), gateway.Call{Caller: acme}, "resp_older")
	for _, err := range []error{err1, err2, err3} {
		if e := llm.AsError(err); e == nil || e.Status != http.StatusServiceUnavailable || e.RetryAfter == 0 || x != nil {
			t.Errorf("%+v", e)
		}
	}
}

func TestWhatIsNotToBeKeptIsNot(t *testing.T) {
	t.Parallel()
	r, _, _ := keeping(t)
	st := *r.State()
	for name, c := range map[string]struct {
		fields string
		keep   time.Duration
		want   int
	}{
		"store":             {`"input":"x","store":true`, time.Hour, 0},
		"store null":        {`"input":"x","store":null`, time.Hour, 0},
		"not store":         {`"input":"x","store":false`, time.Hour, http.StatusNotFound},
		"in the background": {`"input":"x","background":true`, time.Hour, http.StatusNotFound},
		"nowhere":           {`"input":"x"`, 0, http.StatusBadRequest},
	} {
		st.KeepAnswers = c.keep
		now := st
		r.Swap(&now)
		id, _, err := r.respond(t, acme, c.fields)
		if err != nil {
			t.Fatal(name, err)
		}
		_, err = r.Answer(t.Context(), gateway.Call{Caller: acme}, id)
		if e := llm.AsError(err); (e == nil) != (c.want == 0) || e != nil && e.Status != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHowLongAConversationIsGoesIntoTheGuess: a short request that goes on from a
// long conversation teaches nothing wrong of its model, and is not guessed to be
// short where its answer breaks off.
func TestHowLongAConversationIsGoesIntoTheGuess(t *testing.T) {
	t.Parallel()
	var cut atomic.Bool
	var sent atomic.Int64 // bytes
	r, _ := keepingAt(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		sent.Store(int64(len(b)))
		if cut.Load() {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, word)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		_, _ = fmt.Fprintf(w, strings.Replace(answered, "300", fmt.Sprint(len(b)/4), 1), "priced")
	})
	input := `"input":"` + strings.Repeat("word ", 400) + `"`
	id, _, err := r.respond(t, acme, input)
	if err != nil {
		t.Fatal(err)
	}
	for range 30 { // from one answer, each three times as long as what it sends
		if _, _, err := r.respond(t, acme, `"input":"`+strings.Repeat("word ", 200)+`","previous_response_id":"`+id+`"`); err != nil {
			t.Fatal(err)
		}
	}
	prompt := []byte(`{"model":"up/priced","messages":[{"role":"user","content":"` + strings.Repeat("word ", 4000) + `"}]}`)
	c, err := r.Count(t.Context(), gateway.Call{Format: chat.Format{}, Raw: wire.RawRequest{Body: prompt}, Peeked: wire.Peeked{Model: "up/priced"}, Caller: acme})
	if want := int64(len(prompt)) / 4; err != nil || c.Estimate < want*85/100 || c.Estimate > want*115/100 {
		t.Errorf("%d tokens, want about %d: %v", c.Estimate, want, err)
	}
	cut.Store(true)
	if _, _, err := r.respond(t, acme, `"stream":true,"input":"x","previous_response_id":"`+id+`"`); err == nil {
		t.Error("not cut")
	}
	var in, out int64
	last := r.book.lines[len(r.book.lines)-1]
	if _, err := fmt.Sscanf(last, "end 0 cut in %d out %d estimated", &in, &out); err != nil || in < sent.Load()/5 || in > sent.Load()/3 {
		t.Errorf("%s of %d bytes", last, sent.Load())
	}
}

// TestConversationsThatAreToldAreBounded: many short requests can stand for more
// than there is memory.
func TestConversationsThatAreToldAreBounded(t *testing.T) {
	t.Parallel()
	came, goOn := make(chan struct{}), make(chan struct{})
	var wait atomic.Bool
	r, _ := keepingAt(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if wait.Load() {
			came <- struct{}{}
			<-goOn
		}
		_, _ = fmt.Fprintf(w, answered, "priced")
	})
	r.MaxTold = 25_000
	id, _, err := r.respond(t, acme, `"input":"`+strings.Repeat("word ", 2000)+`"`)
	if err != nil {
		t.Fatal(err)
	}
	wait.Store(true)
	more := `"input":"x","previous_response_id":"` + id + `"`
	errs := make(chan error)
	for range 2 {
		go func() {
			_, _, err := r.respond(t, acme, more)
			errs <- err
		}()
		<-came
	}
	wait.Store(false)
	_, x, err := r.respond(t, acme, more)
	if e := llm.AsError(err); e == nil || e.Status != http.StatusServiceUnavailable || e.RetryAfter == 0 || x != nil {
		t.Errorf("a third at once: %v", err)
	}
	close(goOn)
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if _, _, err := r.respond(t, acme, more); err != nil {
		t.Errorf("after the others: %v", err)
	}
}

// brittle is a format with a mistake in it.
type brittle struct{ responses.Format }

func (brittle) Asked([]byte) (wire.Asked, error) { panic("a mistake of ours") }

// A turn that was answered is one, also where its answer can't be kept.
func TestATurnIsRecordedBeforeItsAnswerIsKept(t *testing.T) {
	t.Parallel()
	r, _, _ := keeping(t)
	c := gateway.Call{Format: brittle{}, Raw: wire.RawRequest{Body: []byte(`{"model":"up/priced","input":"x"}`)}, Peeked: wire.Peeked{Model: "up/priced"}, Caller: acme}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = r.Generate(t.Context(), c, &sink{})
	}()
	if d := cmp.Diff([]string{"open 0", "end 0 ok in 300 out 200 exact, cost 0.000700000"}, r.book.lines); d != "" {
		t.Error(d)
	}
}
