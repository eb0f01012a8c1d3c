package app_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/goleak"

	"github.com/oidostudio/oido/internal/app"
	"github.com/oidostudio/oido/internal/config"
	"github.com/oidostudio/oido/internal/identity"
	"github.com/oidostudio/oido/internal/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	firstKey  = "first-key-of-twenty-four-characters"
	secondKey = "second-key-of-twenty-four-characters"
)

// load reads a configuration as serve does.
func load(t *testing.T, dir, text string) (*config.Config, error) {
	t.Helper()
	file := filepath.Join(dir, "oido.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := app.ConfigOptions(config.Options{File: file, Flags: map[string]string{"data-dir": filepath.Join(dir, "data")}})
	if err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(o)
	return cfg, err
}

func file(key, base, alias string) string {
	return fmt.Sprintf("keys: [{key: %s, org: acme, user: ada, role: admin}]\nproviders:\n  up: {type: openai, base_url: %q, api_key: k, formats: [chat], models: [{id: sim}]}\naliases: {%s: up/sim}\n", key, base, alias)
}

// gateway is a server on a port of its own.
type gateway struct {
	*app.Server
	url string
}

func newGateway(t *testing.T, cfg *config.Config, log io.Writer) *gateway {
	t.Helper()
	return serve(t, cfg, app.Options{Log: slog.New(slog.NewTextHandler(log, nil)), Version: "test"})
}

func serve(t *testing.T, cfg *config.Config, o app.Options) *gateway {
	t.Helper()
	s, err := app.Open(t.Context(), cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &gateway{s, "http://" + l.Addr().String()}
}

func (g *gateway) ask(t *testing.T, key, model string, stream bool) (status int, answer string) {
	t.Helper()
	body := fmt.Sprintf(`{"model":%q,"stream":%v,"messages":[{"role":"user","content":"hi"}]}`, model, stream)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, g.url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(b)
}

func provider(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(sim.New(sim.Options{}))
	t.Cleanup(s.Close)
	return s.URL + "/openai/v1"
}

// locked is a log that several goroutines write.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func TestAConfigurationIsSwappedWhole(t *testing.T) {
	base, dir := provider(t), t.TempDir()
	cfg, err := load(t, dir, file(firstKey, base, "one"))
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, cfg, io.Discard)
	if status, text := g.ask(t, firstKey, "one", false); status != 200 {
		t.Fatalf("%d %s", status, text)
	}
	// Under way while the configuration changes.
	streamed := make(chan string, 1)
	go func() {
		_, text := g.ask(t, firstKey, "up/sim-n30-d20", true)
		streamed <- text
	}()
	time.Sleep(150 * time.Millisecond)
	next, err := load(t, dir, file(secondKey, base, "two"))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Apply(next); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key, model string
		status     int
	}{
		{firstKey, "up/sim", 401}, {secondKey, "up/sim", 200}, {secondKey, "two", 200}, {secondKey, "one", 404},
	} {
		if status, text := g.ask(t, c.key, c.model, false); status != c.status {
			t.Errorf("%s with %s: %d %s", c.model, c.key, status, text)
		}
	}
	if text := <-streamed; !strings.HasSuffix(text, "data: [DONE]\n\n") {
		t.Errorf("the stream under way did not end: %s", text)
	}
	// One that can't be put in force leaves everything as it is.
	if _, err := load(t, dir, file("short", base, "three")); err == nil {
		t.Error("a key of five characters is taken")
	}
	bad := *next
	bad.Providers = append([]config.Entry[config.Provider](nil), next.Providers...)
	bad.Providers[0].Value.CAFile = filepath.Join(dir, "none.pem")
	if err := g.Apply(&bad); err == nil {
		t.Error("a provider whose ca_file isn't there is taken")
	}
	if status, text := g.ask(t, secondKey, "two", false); status != 200 {
		t.Errorf("after a refused configuration: %d %s", status, text)
	}
}

// TestSwapsUnderLoad: no request may see half of two configurations.
func TestSwapsUnderLoad(t *testing.T) {
	base, dir := provider(t), t.TempDir()
	var configs []*config.Config
	for _, alias := range []string{"one", "two"} {
		cfg, err := load(t, dir, file(firstKey, base, "both: up/sim, "+alias))
		if err != nil {
			t.Fatal(err)
		}
		configs = append(configs, cfg)
	}
	g := newGateway(t, configs[0], io.Discard)
	var asking sync.WaitGroup
	for i := range 4 {
		asking.Go(func() {
			for range 25 {
				if status, text := g.ask(t, firstKey, "both", i%2 == 0); status != 200 {
					t.Errorf("%d %s", status, text)
				}
			}
		})
	}
	for i := range 20 {
		if err := g.Apply(configs[i%2]); err != nil {
			t.Error(err)
		}
	}
	asking.Wait()
}

func TestWhatCannotBeOpenedStaysClosed(t *testing.T) {
	dir := t.TempDir()
	cfg, err := load(t, dir, "keys: []\n")
	if err != nil {
		t.Fatal(err)
	}
	fails := func(identity.Secret) error { return os.ErrPermission }
	log := &locked{}
	for range 2 { // a folder that stayed locked would say so the second time
		s, err := app.Open(t.Context(), cfg, app.Options{Log: slog.New(slog.NewTextHandler(log, nil)), FirstKey: fails})
		if err == nil || !strings.Contains(err.Error(), os.ErrPermission.Error()) || strings.Contains(err.Error(), "in use") {
			t.Fatalf("%v %v", s, err)
		}
	}
	var shown string
	s, err := app.Open(t.Context(), cfg, app.Options{Log: slog.New(slog.NewTextHandler(log, nil)), FirstKey: func(k identity.Secret) error {
		shown = k.Reveal()
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if shown == "" || strings.Contains(log.b.String(), shown) {
		t.Errorf("the first key: shown %v, logged %v", shown != "", strings.Contains(log.b.String(), shown))
	}
}

// TestOddTextsOfProvidersCanBeRead: what a provider says stands in the turn, and
// must not make the turn's document one that can't be written.
func TestOddTextsOfProvidersCanBeRead(t *testing.T) {
	for name, say := range map[string]string{
		"cut inside a letter": `{"error":{"message":"x` + strings.Repeat("é", 1000) + `"}}`,
		"no UTF-8":            "gone \xff\xfe\x80 wrong",
		"a page":              "<html>" + strings.Repeat("\xe9", 2000) + "</html>",
		"controls":            `{"error":{"message":"a\u0000b\u001b[31mc"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, say)
			}))
			defer up.Close()
			cfg, err := load(t, t.TempDir(), file(firstKey, up.URL, "one"))
			if err != nil {
				t.Fatal(err)
			}
			g := newGateway(t, cfg, io.Discard)
			for _, path := range []string{"/v1/chat/completions", "/v1/messages"} {
				status, answer, header := g.send(t, http.MethodPost, path, `{"model":"up/sim","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`)
				if status != 500 || !jsontext.Value(answer).IsValid() {
					t.Errorf("%s: %d %.300q", path, status, answer)
				}
				id := header.Get("X-Oido-Turn")
				for range 100 {
					if status, answer, _ = g.send(t, http.MethodGet, "/api/v1/turns/"+id, ""); status != 404 {
						break
					}
					time.Sleep(20 * time.Millisecond)
				}
				if status != 200 || !jsontext.Value(answer).IsValid() || !strings.Contains(answer, `"error_text"`) {
					t.Errorf("%s: the turn %s: %d %.300q", path, id, status, answer)
				}
			}
		})
	}
}

func (g *gateway) send(t *testing.T, method, path, body string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, g.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+firstKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

// TestStrangeHostsNeedAKeyInAHeader: a page whose name was made to resolve to this
// machine can ask, but can't set a header with a key that it doesn't know.
func TestStrangeHostsNeedAKeyInAHeader(t *testing.T) {
	dir := t.TempDir()
	cfg, err := load(t, dir, "public_url: https://oido.example\n"+file(firstKey, provider(t), "one"))
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, cfg, io.Discard)
	inURL := "/v1beta/models?key=" + firstKey
	for _, c := range []struct {
		host, path, key string
		status          int
	}{
		{"", "/healthz", "", 200},
		{"", "/", "", 501},
		{"", "/mcp", "", 501},
		{"", "/nothing", "", 404},
		{"localhost:1", "/healthz", "", 200},
		{"oido.example", "/healthz", "", 200},
		{"evil.example", "/healthz", "", 403},
		{"evil.example", "/api/openapi.json", "", 403},
		{"localhost", "/api/openapi.json", "", 200},
		{"oido.example", inURL, "", 200},
		{"evil.example", inURL, "", 403},
		{"evil.example", "/v1/models", firstKey, 200},
		{"evil.example", "/v1/models", "", 401},
		{"evil.example", "/api/v1/models", firstKey, 200},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.url+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		if c.key != "" {
			req.Header.Set("Authorization", "Bearer "+c.key)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || c.status == 403 && !strings.Contains(string(body), "public_url") {
			t.Errorf("%s under %q: %d %v %.200s", c.path, c.host, resp.StatusCode, err, body)
		}
	}
}
