package dispatch_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/oidostudio/oido/internal/dispatch"
	"github.com/oidostudio/oido/internal/llm"
	"github.com/oidostudio/oido/internal/provider"
	"github.com/oidostudio/oido/internal/wire"
	"github.com/oidostudio/oido/internal/wire/chat"
	"github.com/oidostudio/oido/internal/wire/converse"
	"github.com/oidostudio/oido/internal/wire/gemini"
	"github.com/oidostudio/oido/internal/wire/messages"
	"github.com/oidostudio/oido/internal/wire/responses"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// spoken are the formats that providers are called in.
func spoken(f llm.Format) (wire.Upstream, bool) {
	if f == llm.FormatConverse {
		return converse.Format{}, true
	}
	w, ok := formats[f]
	return w, ok
}

var formats = map[llm.Format]wire.Format{
	llm.FormatChat: chat.Format{}, llm.FormatMessages: messages.Format{},
	llm.FormatGemini: gemini.Format{}, llm.FormatResponses: responses.Format{},
}

// pipes is a listener whose connections are pipes in memory, so that time in
// tests is the test's own.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// rig is a dispatcher in front of one account, whose provider is a handler.
type rig struct {
	t       *testing.T
	account *provider.Account
	cand    dispatch.Candidate // of the account
	d       *dispatch.Dispatcher
	events  []string // what the recorder was told
	refuse  int      // number of the attempt that the recorder refuses; -1: none
	out     *output
}

type rigOptions struct {
	name    string // of the account; "up" when empty
	typ     string // of the provider; "openai" when empty
	options map[string]string
	keys    []string
	timeout provider.Timeout
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	refuse  int
}

// newRig is called within a bubble; what it starts ends with the test.
func newRig(t *testing.T, o rigOptions, h http.HandlerFunc) *rig {
	t.Helper()
	if o.typ == "" {
		o.typ = "openai"
	}
	if o.name == "" {
		o.name = "up"
	}
	if o.keys == nil {
		o.keys = []string{"key-one"}
	}
	const base = "http://127.0.0.1:1"
	profile, err := provider.ProfileAt(o.typ, base)
	if err != nil {
		t.Fatal(err)
	}
	p := newPipes()
	if o.dial == nil {
		o.dial = p.dial
	}
	po := provider.Options{Name: o.name, Profile: profile, BaseURL: base, Settings: o.options, Keys: o.keys, Timeout: o.timeout, Dial: o.dial}
	if o.typ == "openai" {
		po.Formats = map[llm.Format]string{llm.FormatChat: ""}
	}
	a, err := provider.NewAccount(po)
	if err != nil {
		t.Fatal(err)
	}
	// The server sees a client leave only once the request's body is read.
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(b))
		h(w, r)
	})}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(p) }()
	t.Cleanup(func() {
		a.Close()
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		time.Sleep(time.Minute) // handlers that sleep wake up and find nobody
	})
	return &rig{
		t: t, account: a, cand: dispatch.Candidate{Account: a, Model: "m"}, refuse: o.refuse - 1, out: &output{},
		d: &dispatch.Dispatcher{Formats: spoken},
	}
}

var errNotRecorded = llm.Errorf(llm.KindUnavailable, "the spool is full")

func (r *rig) Open(a *dispatch.Attempt) error {
	if a.Number == r.refuse {
		return errNotRecorded
	}
	r.events = append(r.events, fmt.Sprint("open ", a.Number))
	return nil
}

func (r *rig) Close(a *dispatch.Attempt) {
	r.events = append(r.events, fmt.Sprint("close ", a.Number, " ", a.Status))
}

func (r *rig) Done(o *dispatch.Outcome) {
	r.events = append(r.events, fmt.Sprint("done ", o.Last().Number, " ", o.Status))
}

// output keeps what a client would get, and when.
type output struct {
	onCommit func()

	mu      sync.Mutex
	start   time.Time
	commits []string
	flushed []piece
	pending []byte
	broken  error // what writing fails with
}

type piece struct {
	at   time.Duration
	text string
}

func (o *output) Commit(a *dispatch.Attempt, early bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.onCommit != nil {
		o.onCommit()
	}
	o.commits = append(o.commits, fmt.Sprint(time.Since(o.start), " early ", early, " attempt ", a != nil))
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken != nil {
		return 0, o.broken
	}
	o.pending = append(o.pending, p...)
	return len(p), nil
}

func (o *output) Flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken != nil {
		return o.broken
	}
	o.flushed = append(o.flushed, piece{time.Since(o.start), string(o.pending)})
	o.pending = nil
	return nil
}

// text is all that was flushed.
func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var b strings.Builder
	for _, p := range o.flushed {
		b.WriteString(p.text)
	}
	return b.String()
}

// call makes a call of a client's request.
func (r *rig) call(f llm.Format, body string) *dispatch.Call {
	r.t.Helper()
	raw := wire.RawRequest{Method: "POST", Path: "/v1/chat/completions", Body: []byte(body)}
	if f == llm.FormatGemini {
		raw.Path = "/v1beta/models/m:generateContent"
		if strings.Contains(body, `"stream"`) {
			raw.Path, raw.Query = "/v1beta/models/m:streamGenerateContent", map[string][]string{"alt": {"sse"}}
			raw.Body = []byte(`{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`)
		}
	}
	p, err := formats[f].Peek(raw)
	if err != nil {
		r.t.Fatal(err)
	}
	return &dispatch.Call{Client: formats[f], Raw: raw, Peeked: p, AnswerID: "turn-1"}
}

func (r *rig) run(ctx context.Context, c *dispatch.Call) (*dispatch.Outcome, bool) {
	r.out.start = time.Now()
	return r.d.Run(ctx, c, []dispatch.Candidate{r.cand}, r, r.out)
}

const (
	asked    = `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
	streamed = `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`
	answered = `{"id":"a","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`
	began    = `data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}` + "\n\n"
	word     = `data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":null}]}` + "\n\n"
	finish   = `data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	used     = `data: {"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}` + "\n\n"
	end      = "data: [DONE]\n\n"
)

// say sends pieces of a stream; a duration is a pause before the next one.
func say(w http.ResponseWriter, pieces ...any) {
	w.Header().Set("Content-Type", "text/event-stream")
	_ = http.NewResponseController(w).Flush() // a client that left shows in the test's end
	for _, p := range pieces {
		switch p := p.(type) {
		case time.Duration:
			time.Sleep(p)
		case string:
			_, _ = w.Write([]byte(p))
			_ = http.NewResponseController(w).Flush()
		}
	}
}

// bubble runs f with a clock of its own.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}
