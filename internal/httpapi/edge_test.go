package httpapi_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/oidostudio/oido/internal/catalog"
	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/gateway"
	"github.com/oidostudio/oido/internal/httpapi"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/session"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/gemini"
	"github.com/oidostudio/oido/internal/wire/messages"
	"github.com/oidostudio/oido/internal/wire/responses"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The keys of the tests, by role.
const (
	adminKey   = "admin-key-of-twenty-four-characters"
	memberKey  = "member-key-of-twenty-four-characters"
	viewerKey  = "viewer-key-of-twenty-four-characters"
	foreignKey = "foreign-key-of-twenty-four-characters"
)

func directory(t *testing.T) *identity.Directory {
	t.Helper()
	var keys []identity.Key
	for _, k := range []struct {
		text string
		key  identity.Key
	}{
		{adminKey, identity.Key{Org: "acme", User: "ada", Role: identity.Admin}},
		{memberKey, identity.Key{Org: "acme", User: "bob", Role: identity.Member, Agent: "helper", Agents: []string{"helper", "scout"}, Models: []string{"up/*"}}},
		{viewerKey, identity.Key{Org: "acme", User: "eve", Role: identity.Viewer}},
		{foreignKey, identity.Key{Org: "other", User: "ada", Role: identity.Admin}},
	} {
		key, err := identity.StaticKey(k.text, k.key)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	d := &identity.Directory{}
	d.SetFile(keys)
	return d
}

// notes are the turns that a gateway tells of.
type notes struct {
	mu    sync.Mutex
	turns []gateway.Turn
	ends  []dispatch.Status
}

func (n *notes) OpenAttempt(*gateway.Turn, *dispatch.Attempt) error            { return nil }
func (n *notes) CloseAttempt(*gateway.Turn, *dispatch.Attempt, gateway.Charge) {}
func (n *notes) CloseTurn(t *gateway.Turn, o *dispatch.Outcome, _ []gateway.Charge) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.turns, n.ends = append(n.turns, *t), append(n.ends, o.Status)
}

func (n *notes) last(t *testing.T) (gateway.Turn, dispatch.Status) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.turns) == 0 {
		t.Fatal("no turn was recorded")
	}
	return n.turns[len(n.turns)-1], n.ends[len(n.ends)-1]
}

// edge is the wire APIs in front of one account, "up", that speaks Chat.
type edge struct {
	*httpapi.Inference
	mux   *http.ServeMux
	notes *notes
	log   *bytes.Buffer
}

type edgeOptions struct {
	limit, budget int64
	names         int
	pingAfter     time.Duration
	dial          func(ctx context.Context, network, address string) (net.Conn, error)
}

// newEdge puts the edge in front of an upstream at base.
func newEdge(t *testing.T, base string, o edgeOptions) *edge {
	t.Helper()
	if o.limit == 0 {
		o.limit = 1 << 20
	}
	if o.budget == 0 {
		o.budget = 8 << 20
	}
	if o.names == 0 {
		o.names = 100
	}
	profile, err := provider.ProfileAt("openai", base)
	if err != nil {
		t.Fatal(err)
	}
	a, err := provider.NewAccount(provider.Options{
		Name: "up", Profile: profile, BaseURL: base, Keys: []string{"upstream-secret"}, Formats: map[llm.Format]string{llm.FormatChat: ""}, Dial: o.dial,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	view, err := catalog.NewView([]catalog.Account{{Name: "up", Declared: []catalog.Model{{ID: "sim"}}}})
	if err != nil {
		t.Fatal(err)
	}
	formats := map[llm.Format]wire.Format{
		llm.FormatChat: chat.Format{}, llm.FormatMessages: messages.Format{}, llm.FormatGemini: gemini.Format{}, llm.FormatResponses: responses.Format{},
	}
	e := &edge{notes: &notes{}, log: &bytes.Buffer{}, mux: http.NewServeMux()}
	g := &gateway.Gateway{
		Dispatcher: &dispatch.Dispatcher{Formats: func(f llm.Format) (wire.Upstream, bool) { w, ok := formats[f]; return w, ok }, PingAfter: o.pingAfter},
		Recorder:   e.notes, Sessions: session.New(time.Now), Places: gateway.NewPlaces(time.Now), Tasks: gateway.NewTasks(), Now: time.Now,
	}
	g.Swap(&gateway.State{Accounts: map[string]*provider.Account{"up": a}, Routes: router.NewRoutes(router.Policy{}, view, time.Now())})
	e.Inference = &httpapi.Inference{
		Gateway: g, Directory: directory(t), Names: identity.NewNames(time.Now, o.names), Log: slog.New(slog.NewTextHandler(e.log, nil)),
		BodyLimit: func() int64 { return o.limit }, Budget: httpapi.NewBudget(o.budget),
		Chat: formats[llm.FormatChat], Messages: formats[llm.FormatMessages], Gemini: formats[llm.FormatGemini], Responses: formats[llm.FormatResponses],
	}
	e.Register(e.mux)
	return e
}

const answered = `{"id":"a","object":"chat.completion","created":1,"model":"sim","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`

// upstream always answers the same.
func upstream(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		_, _ = io.WriteString(w, answered)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// ask serves one request in process.
func (e *edge) ask(method, path, key, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, bytes.NewReader([]byte(body)))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	e.mux.ServeHTTP(w, r)
	return w
}

// ways are the four formats' ways to ask for the same, with how an error of
// theirs begins.
var ways = []struct {
	name, path, body, wrong string
}{
	{"chat", "/v1/chat/completions", `{"model":"up/sim","messages":[{"role":"user","content":"hi"}]}`, `{"error":{"message":`},
	{"responses", "/v1/responses", `{"model":"up/sim","input":"hi","store":false}`, `{"error":{"message":`},
	{"messages", "/v1/messages", `{"model":"up/sim","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`, `{"type":"error","error":{"type":`},
	{"gemini", "/v1beta/models/up/sim:generateContent", `{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`, `{"error":{"code":`},
}
