package httpapi_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/oidostudio/oido/internal/httpapi"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/ledger"
	"github.com/oidostudio/oido/internal/wire/sse"
)

// tail is a live tail as a client reads it.
type tail struct {
	t      *testing.T
	body   io.ReadCloser
	events *sse.Reader
}

func (o *office) follow(key, query string) *tail {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	o.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, o.url+"/api/v1/turns/stream?"+query, nil)
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := o.client.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		o.t.Fatalf("%d %s", resp.StatusCode, resp.Header)
	}
	tl := &tail{o.t, resp.Body, sse.NewReader(resp.Body)}
	if e, err := tl.events.Next(); err != nil || !e.Comment {
		o.t.Fatal("the stream does not begin at once", err)
	}
	o.t.Cleanup(func() { _ = resp.Body.Close() })
	return tl
}

// next reads an event that is no comment; "" is the end.
func (l *tail) next() (name, data string) {
	l.t.Helper()
	for {
		e, err := l.events.Next()
		if errors.Is(err, io.EOF) {
			return "", ""
		}
		if err != nil {
			l.t.Fatal(err)
		}
		if !e.Comment {
			return string(e.Name), string(e.Data)
		}
	}
}

// user reads a turn's user.
func (l *tail) user() string {
	l.t.Helper()
	name, data := l.next()
	var row struct {
		User   string `json:"user"`
		Org    string `json:"org"`
		Status string `json:"status"`
	}
	if err := json.Unmarshal([]byte(data), &row); err != nil || name != "turn" {
		l.t.Fatalf("%s %s: %v", name, data, err)
	}
	return row.Org + " " + row.User + " " + row.Status
}

func TestTurnsAreFollowed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	admins, members := o.follow(admin, ""), o.follow(member, "")
	failures, strangers, operators := o.follow(admin, "status=error"), o.follow(stranger, ""), o.follow(operator, "org=acme&user=ada")
	o.ask(member, "chat/sim")
	o.ask(admin, "chat/sim-e500")
	o.ask(member, "chat/sim")
	o.ask(stranger, "chat/sim")
	for name, c := range map[string]struct {
		tail *tail
		want []string
	}{
		"admin": {admins, []string{"acme bob ok", "acme ada error", "acme bob ok"}}, "member": {members, []string{"acme bob ok", "acme bob ok"}},
		"failures": {failures, []string{"acme ada error"}}, "stranger": {strangers, []string{"other ada ok"}}, "operator": {operators, []string{"acme ada error"}},
	} {
		var got []string
		for range c.want {
			got = append(got, c.tail.user())
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	for path, want := range map[string]int{"/api/v1/turns/stream?user=ada": 403, "/api/v1/turns/stream?org=other": 403, "/api/v1/turns/stream?status=fine": 422} {
		if status, body := o.get(member, path, nil); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _ := o.get(viewer, "/api/v1/turns/stream", nil); status != 403 {
		t.Errorf("a viewer follows single turns: %d", status)
	}
}

func TestALiveTailEndsWhenTheServerStops(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	l := o.follow(admin, "")
	o.close()
	name, data := l.next()
	if name != "end" || !strings.Contains(data, "stops") {
		t.Errorf("%s %s", name, data)
	}
	if name, data := l.next(); name != "" {
		t.Errorf("after the end: %s %s", name, data)
	}
}

// TestASlowFollowerIsTold: what was waiting for it still comes, then why nothing
// more does.
func TestASlowFollowerIsTold(t *testing.T) {
	t.Parallel()
	key, err := identity.StaticKey(admin, identity.Key{Org: "acme", User: "ada", Role: identity.Admin})
	if err != nil {
		t.Fatal(err)
	}
	var directory identity.Directory
	directory.SetFile([]identity.Key{key})
	m := httpapi.Management{
		Directory: &directory, Zone: time.UTC, Now: time.Now, Log: slog.New(slog.DiscardHandler), Version: "test",
		Follow: func(int, func(*ledger.Turn) bool) (<-chan ledger.Turn, func(), error) {
			waiting := make(chan ledger.Turn, 1)
			waiting <- turn("acme", "ada", 0, 1, "chat/gpt", nil, "")
			close(waiting)
			return waiting, func() {}, nil
		},
	}
	mux := http.NewServeMux()
	if err := m.Register(mux); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	l := (&office{t: t, url: server.URL, client: clientOf(t)}).follow(admin, "")
	if got := l.user(); got != "acme ada ok" {
		t.Error(got)
	}
	if name, data := l.next(); name != "dropped" || !strings.Contains(data, "missed") {
		t.Errorf("%s %s", name, data)
	}
	if name, _ := l.next(); name != "" {
		t.Errorf("after it was dropped: %s", name)
	}
}
