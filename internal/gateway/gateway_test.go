package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/session"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// book is what a gateway recorded: one line a call of the recorder.
type book struct {
	mu    sync.Mutex
	lines []string
}

func (b *book) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, fmt.Sprintf(format, args...))
}

func (b *book) OpenAttempt(_ *gateway.Turn, a *dispatch.Attempt) error {
	b.note("open %d", a.Number)
	return nil
}

func (b *book) CloseAttempt(_ *gateway.Turn, a *dispatch.Attempt, c gateway.Charge) {
	b.note("close %d %s %s", a.Number, a.Status, charged(c))
}

func (b *book) CloseTurn(_ *gateway.Turn, o *dispatch.Outcome, cs []gateway.Charge) {
	if len(cs) != len(o.Attempts) {
		b.note("%d charges for %d attempts", len(cs), len(o.Attempts))
	}
	b.note("end %d %s %s", o.Last().Number, o.Status, charged(cs[len(cs)-1]))
}

func charged(c gateway.Charge) string {
	cost := "unknown"
	if c.Cost != nil {
		cost = c.Cost.String()
	}
	return fmt.Sprintf("in %d out %d %s, cost %s", c.Usage.TotalInput(), c.Usage.Output, c.Usage.Quality, cost)
}

// sink is a client of a stream.
type sink struct {
	strings.Builder
	head gateway.Head
}

func (s *sink) Commit(h gateway.Head) { s.head = h }
func (s *sink) Flush() error          { return nil }

type rig struct {
	*gateway.Gateway
	book     *book
	gone     []string
	upstream string
}

func newRig(t *testing.T, keys []string, orgs []string, h http.HandlerFunc) *rig {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	profile, err := provider.ProfileAt("openai", s.URL)
	if err != nil {
		t.Fatal(err)
	}
	a, err := provider.NewAccount(provider.Options{
		Name: "up", Profile: profile, BaseURL: s.URL, Keys: keys, Orgs: orgs, Formats: map[llm.Format]string{llm.FormatChat: ""},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	in, out := catalog.Rate(1_000_000_000), catalog.Rate(2_000_000_000) // 1 and 2 dollars a million
	view, err := catalog.NewView([]catalog.Account{{Name: "up", Declared: []catalog.Model{
		{ID: "priced", Price: &catalog.Price{Input: &in, Output: &out}}, {ID: "unpriced"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{book: &book{}, upstream: s.URL}
	r.Gateway = &gateway.Gateway{
		Dispatcher: &dispatch.Dispatcher{Formats: func(f llm.Format) (wire.Upstream, bool) { return chat.Format{}, f == llm.FormatChat }},
		Recorder:   r.book, Sessions: session.New(time.Now), Places: gateway.NewPlaces(time.Now), Tasks: gateway.NewTasks(), Now: time.Now,
		Gone: func(account, model string) { r.gone = append(r.gone, account+"/"+model) },
	}
	r.Swap(&gateway.State{Accounts: map[string]*provider.Account{"up": a}, Routes: router.NewRoutes(router.Policy{}, view, time.Now())})
	return r
}

func (r *rig) generate(t *testing.T, c identity.Caller, body string) (*gateway.Exchange, *sink, error) {
	t.Helper()
	raw := wire.RawRequest{Method: "POST", Path: "/v1/chat/completions", Body: []byte(body)}
	p, err := chat.Format{}.Peek(raw)
	if err != nil {
		t.Fatal(err)
	}
	out := &sink{}
	x, err := r.Generate(t.Context(), gateway.Call{Format: chat.Format{}, Raw: raw, Peeked: p, Caller: c}, out)
	return x, out, err
}

const (
	answered = `{"id":"a","object":"chat.completion","created":1,"model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":300,"completion_tokens":200,"total_tokens":500}}`
	asks     = `{"model":"up/%s","messages":[{"role":"user","content":"hi"}]}`
	streams  = `{"model":"up/%s","stream":true,"messages":[{"role":"user","content":"hi"}]}`
	word     = `data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"hello you"}}]}` + "\n\n"
)

var acme = identity.Caller{KeyID: "k1", Org: "acme", User: "ada", Role: identity.Member}

func TestWhatATurnCosts(t *testing.T) {
	t.Parallel()
	answers := func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		model := "unpriced"
		if strings.Contains(string(b), `"priced"`) {
			model = "priced"
		}
		_, _ = fmt.Fprintf(w, answered, model)
	}
	breaks := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, word)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	refuses := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(529)
		_, _ = io.WriteString(w, `{"error":{"message":"busy"}}`)
	}
	var spent atomic.Value // the key that was tried first
	oneKeyIsSpent := func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("Authorization")
		spent.CompareAndSwap(nil, key)
		if spent.Load() == key {
			w.WriteHeader(429)
			_, _ = io.WriteString(w, `{"error":{"message":"spent","code":"insufficient_quota"}}`)
			return
		}
		answers(w, r)
	}
	boasts := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.NewReplacer("300", "9223372036854775807", "%q", `"priced"`).Replace(answered))
	}
	owes := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.NewReplacer(`"total_tokens":500`, `"total_tokens":500,"completion_tokens_details":{"reasoning_tokens":-9}`, "%q", `"priced"`).Replace(answered))
	}
	dies := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for _, c := range []struct {
		name, body string
		h          http.HandlerFunc
		lines      []string
		cost       string
	}{
		{"priced", fmt.Sprintf(asks, "priced"), answers, []string{"open 0", "end 0 ok in 300 out 200 exact, cost 0.000700000"}, "0.000700000"},
		{"unpriced", fmt.Sprintf(asks, "unpriced"), answers, []string{"open 0", "end 0 ok in 300 out 200 exact, cost unknown"}, ""},
		{"refused", fmt.Sprintf(asks, "priced"), refuses, []string{"open 0", "end 0 error in 0 out 0 exact, cost 0.000000000"}, ""},
		{"no answer", fmt.Sprintf(asks, "priced"), dies, []string{"open 0", "end 0 error in 0 out 0 unknown, cost unknown"}, ""},
		{"more than can be", fmt.Sprintf(asks, "priced"), boasts, []string{"open 0", "end 0 ok in 17 out 2 estimated, cost 0.000021000"}, "0.000021000"},
		{"less than nothing", fmt.Sprintf(asks, "priced"), owes, []string{"open 0", "end 0 ok in 17 out 2 estimated, cost 0.000021000"}, "0.000021000"},
		{"broken", fmt.Sprintf(streams, "priced"), breaks, []string{"open 0", "end 0 cut in 20 out 3 estimated, cost 0.000026000"}, ""},
		{"another key", fmt.Sprintf(asks, "priced"), oneKeyIsSpent, []string{"open 0", "open 1", "close 0 error in 0 out 0 exact, cost 0.000000000", "end 1 ok in 300 out 200 exact, cost 0.000700000"}, "0.000700000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, []string{"a", "b"}, nil, c.h)
			x, _, err := r.generate(t, acme, c.body)
			if d := cmp.Diff(c.lines, r.book.lines); d != "" {
				t.Error(d, err)
			}
			if got := x.Cost; (got == nil) != (c.cost == "") || got != nil && got.String() != c.cost {
				t.Errorf("cost %v, want %q", got, c.cost)
			}
		})
	}
}

func TestWhatIsTheOperatorsStaysTheOperators(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]int{401: 502, 402: 502, 403: 502, 404: 404, 429: 429, 500: 500, 400: 400} {
		r := newRig(t, []string{"sk-secret-of-ours"}, nil, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"error":{"message":"key sk-sec***ours of org-1234 is not good"}}`)
		})
		x, out, err := r.generate(t, acme, fmt.Sprintf(asks, "priced"))
		e := llm.AsError(err)
		if e == nil || x == nil || !x.Sent || x.Committed || out.Len() > 0 {
			t.Fatalf("%d: %v %+v", status, err, x)
		}
		if e.Status != want {
			t.Errorf("%d became %d", status, e.Status)
		}
		if hidden := want == 502; hidden && (strings.Contains(fmt.Sprintf("%+v %s", *e, e.Raw), "org-1234") || e.Provider != "up") {
			t.Errorf("%d: the caller is told %+v", status, e)
		}
		if n := len(r.book.lines); n != 2 {
			t.Errorf("%d: %q", status, r.book.lines)
		}
	}
}

// A file that isn't there is no model that isn't: one client could take models
// from all.
func TestOnlyAMissingModelIsGone(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]int{
		`{"error":{"message":"no such file: file-1"}}`:                       0,
		`{"error":{"message":"the model priced is not here"}}`:               1,
		`{"error":{"message":"it does not exist","code":"model_not_found"}}`: 1,
		``: 0,
	} {
		r := newRig(t, []string{"k"}, nil, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			_, _ = io.WriteString(w, body)
		})
		if _, _, err := r.generate(t, acme, fmt.Sprintf(asks, "priced")); err == nil || len(r.gone) != want {
			t.Errorf("%s: %v, gone %q", body, err, r.gone)
		}
	}
}

func TestCallsThatAreRefusedAreNoTurns(t *testing.T) {
	t.Parallel()
	r := newRig(t, []string{"k"}, []string{"acme"}, func(http.ResponseWriter, *http.Request) { t.Error("something was sent") })
	narrow := identity.Key{Org: "acme", User: "bob", Role: identity.Member, Models: []string{"up/priced", "other/*"}}
	key, err := identity.StaticKey("narrow-key-of-twenty-four-chars", narrow)
	if err != nil {
		t.Fatal(err)
	}
	d := &identity.Directory{}
	d.SetFile([]identity.Key{key})
	bob, ok := d.Lookup("narrow-key-of-twenty-four-chars")
	if !ok {
		t.Fatal("the key is not known")
	}
	for _, c := range []struct {
		caller identity.Caller
		model  string
		kind   llm.Kind
	}{
		{bob, "unpriced", llm.KindPermission},
		{identity.Caller{Org: "stranger", Role: identity.Admin}, "priced", llm.KindNotFound},
		{acme, strings.Repeat("m", 1000), llm.KindBadRequest},
	} {
		x, _, err := r.generate(t, c.caller, fmt.Sprintf(asks, c.model))
		if e := llm.AsError(err); x != nil || e == nil || e.Kind != c.kind {
			t.Errorf("%.40s by %s: %+v %v", c.model, c.caller.Org, x, err)
		}
	}
	if len(r.book.lines) > 0 {
		t.Errorf("%q", r.book.lines)
	}
}
