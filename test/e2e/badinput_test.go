package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// rawProvider speaks TCP and little else: what it does with a request stands in
// the model's name.
type rawProvider struct {
	l    net.Listener
	mu   sync.Mutex // protects following fields
	open map[net.Conn]struct{}
}

func newRawProvider(t *testing.T) *rawProvider {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &rawProvider{l: l, open: map[net.Conn]struct{}{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.open[c] = struct{}{}
			p.mu.Unlock()
			serving.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.mu.Lock()
		for c := range p.open {
			_ = c.Close()
		}
		p.mu.Unlock()
		serving.Wait()
	})
	return p
}

func (p *rawProvider) serve(c net.Conn) {
	defer func() {
		p.mu.Lock()
		delete(p.open, c)
		p.mu.Unlock()
		_ = c.Close()
	}()
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	b, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost {
		return
	}
	for name, do := range rawAnswers {
		if bytes.Contains(b, []byte(`"`+name+`"`)) {
			do(c)
			return
		}
	}
}

const (
	okHead     = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	streamHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
	goodAnswer = `{"id":"a","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`
)

// rawAnswers are what providers must not do.
var rawAnswers = map[string]func(net.Conn){
	"garbage":          says("\x00\x01\xff\xfe not HTTP at all\r\n\r\n"),
	"no-bytes":         says(""),
	"a-page":           says("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html><body>It works!</body></html>"),
	"no-json":          says(okHead + "Connection: close\r\n\r\n{\"id\":\"a\",\"choi\x00ces\":[[[["),
	"wrong-types":      says(okHead + "Connection: close\r\n\r\n{\"id\":7,\"choices\":{\"a\":1},\"usage\":\"lots\"}"),
	"nothing-in-it":    says(okHead + "Content-Length: 2\r\n\r\n{}"),
	"bad-chunks":       says("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
	"promises-more":    says(okHead + "Content-Length: 10000\r\n\r\n" + goodAnswer),
	"promises-less":    says(okHead + "Content-Length: 40\r\n\r\n" + goodAnswer),
	"promises-a-lot":   says(okHead + "Content-Length: 1099511627776\r\n\r\n{\"id\":"),
	"garbled-stream":   says(streamHead + "data: {\"id\n\ndata: ]]]\n\nevent: \x00\ndata\n\n"),
	"half-a-stream":    says(streamHead + "data: {\"id\":\"a\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"),
	"silence":          func(c net.Conn) { wait(c) },
	"half-and-silence": func(c net.Conn) { says(okHead + "Content-Length: 500\r\n\r\n{\"id\"")(c); wait(c) },
	"endless-header":   repeats("HTTP/1.1 200 OK\r\nX-Long: ", strings.Repeat("x", 4<<10)),
	"endless-headers":  repeats("HTTP/1.1 200 OK\r\n", "X-A: "+strings.Repeat("x", 100)+"\r\n"),
	"endless-body":     repeats(okHead+"\r\n{\"id\":\"", strings.Repeat("x", 64<<10)),
	"endless-line":     repeats(streamHead+"data: ", strings.Repeat("x", 64<<10)),
	"endless-comments": repeats(streamHead, ": "+strings.Repeat("x", 1000)+"\n\n"),
	"endless-1xx":      repeats("", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
}

func says(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, text) }
}

func repeats(head, piece string) func(net.Conn) {
	return func(c net.Conn) {
		_, err := io.WriteString(c, head)
		for err == nil {
			_, err = io.WriteString(c, piece)
		}
	}
}

// wait waits until the other side closes.
func wait(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// roughLab is a gateway in front of simulated and of raw providers, whose
// operations port is open.
type roughLab struct {
	*lab
	ops string
}

func newRoughLab(t *testing.T, more string) *roughLab {
	t.Helper()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	var lc net.ListenConfig
	free, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &roughLab{&lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data")}, free.Addr().String()}
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("keys: [{key: %s, org: acme, user: ada, role: admin}]\nops_listen: %s\nproviders:\n  chat: {type: openai, base_url: \"%s/openai/v1\", api_key: k, formats: [chat]}\n%s", key, l.ops, sim.url, more)
	if err := os.WriteFile(l.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	return l
}

// goroutines counts the server's goroutines, but for those of idle connections to
// providers, which are kept for the next request.
func (l *roughLab) goroutines(t *testing.T) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.ops+"/debug/pprof/goroutine?debug=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	total, stacks := 0, &strings.Builder{}
	for stack := range strings.SplitSeq(string(b), "\n\n") {
		if strings.Contains(stack, "net/http.(*persistConn)") {
			continue
		}
		for line := range strings.Lines(stack) {
			// "3 @ 0x43d1c5 …": three goroutines with the stack that follows.
			if n, _, ok := strings.Cut(line, " @ "); ok && !strings.HasPrefix(line, "#") {
				k, err := strconv.Atoi(n)
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				total += k
			}
		}
		fmt.Fprintln(stacks, stack)
	}
	if total == 0 {
		t.Fatalf("no goroutine at all: %.300s", b)
	}
	return total, stacks.String()
}

// calm counts the goroutines of a server that has answered before, so that what
// is started only once is running.
func (l *roughLab) calm(t *testing.T) int {
	t.Helper()
	if n := l.usageTurns(t); n != 0 {
		t.Fatalf("%d turns at the start", n)
	}
	http.DefaultClient.CloseIdleConnections()
	time.Sleep(500 * time.Millisecond) // the model lists are read
	n, _ := l.goroutines(t)
	return n
}

// settles waits until the server has no more goroutines than before.
func (l *roughLab) settles(t *testing.T, before int) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	n, stacks := 0, ""
	for range 900 {
		if n, stacks = l.goroutines(t); n <= before {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%d goroutines are left of %d: somebody holds the server\n%s", n, before, stacks)
}

// memory reads a field of /proc/PID/status, in MiB.
func (l *roughLab) memory(t *testing.T, field string) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", l.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), field+":")
	text, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n >> 10
}

// asked is what came of a request.
type asked struct {
	status int
	header http.Header
	body   string
	err    error
}

func (l *roughLab) ask(ctx context.Context, method, path, key string, body io.Reader) asked {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, l.url+path, body)
	if err != nil {
		return asked{err: err}
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return asked{err: err}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return asked{resp.StatusCode, resp.Header, string(b), err}
}

// wrong is how an error of each client's format begins.
var wrong = map[string]string{
	"chat": `{"error":{"message":`, "responses": `{"error":{"message":`, "messages": `{"type":"error","error":{"type":`, "gemini": `{"error":{"code":`,
}

func isErrorOf(format string, a asked) bool {
	return a.err == nil && a.status >= 400 && a.status < 600 && strings.HasPrefix(a.body, wrong[format]) && jsontext.Value(a.body).IsValid()
}

func TestProvidersThatMisbehave(t *testing.T) {
	p := newRawProvider(t)
	var models []string
	for name := range rawAnswers {
		models = append(models, "{id: "+name+"}")
	}
	l := newRoughLab(t, fmt.Sprintf("  raw: {type: openai, base_url: \"http://%s/v1\", api_key: k, formats: [chat], timeout: {first_byte: 3s, idle: 3s, total: 8s}, models: [%s]}\n",
		p.l.Addr(), strings.Join(models, ", ")))
	before := l.calm(t)
	// Few at once: an endless answer may take what one answer may take.
	slots, count := make(chan struct{}, 4), 0
	var all sync.WaitGroup
	for name := range rawAnswers {
		for _, c := range dialects {
			for _, stream := range []bool{false, true} {
				count++
				slots <- struct{}{}
				all.Go(func() {
					defer func() { <-slots }()
					path, body := c.hello("raw/"+name, stream)
					a := l.ask(t.Context(), "POST", path, key, strings.NewReader(body))
					if !isErrorOf(c.name, a) {
						t.Errorf("%s from %s, stream %v: %d %v %.300s", c.name, name, stream, a.status, a.err, a.body)
					}
					if a.header.Get("X-Oido-Turn") == "" || strings.Contains(a.body, "api_key") {
						t.Errorf("%s from %s: %v %.300s", c.name, name, a.header, a.body)
					}
				})
			}
		}
	}
	all.Wait()
	if n := l.usageTurnsSoon(t, count); n != count {
		t.Errorf("%d turns recorded, want %d", n, count)
	}
	peak := l.memory(t, "VmHWM")
	t.Logf("%d requests to providers that misbehave: %d MiB at the peak", count, peak)
	if peak > 900 {
		t.Errorf("%d MiB of memory at the peak", peak)
	}
	l.settles(t, before)
	for _, row := range l.turns(t, count) {
		if row.Status != "error" {
			t.Errorf("%+v", row)
		}
	}
}

func TestRequestsThatCannotBeServed(t *testing.T) {
	l := newRoughLab(t, "")
	before := l.calm(t)
	for _, c := range dialects {
		path, good := c.hello("chat/sim", false)
		elsewhere, unknown := c.hello("chat2/none", false)
		insert := func(text string) string { return strings.Replace(good, "{", "{"+text+",", 1) }
		for _, r := range []struct {
			name, method, path, key, body string
			status                        int
		}{
			{"nothing", "POST", path, key, "", 400},
			{"half", "POST", path, key, good[:len(good)/2], 400},
			{"no JSON", "POST", path, key, "hello=world", 400},
			{"an array", "POST", path, key, "[" + good + "]", 400},
			{"two documents", "POST", path, key, good + good, 400},
			{"a field twice", "POST", path, key, insert(`"tools":[],"tools":[]`), 400},
			{"deep", "POST", path, key, insert(`"x":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000)), 400},
			{"broken UTF-8", "POST", path, key, strings.Replace(good, question, "\xff\xfe", 1), 400},
			{"an unknown model", "POST", elsewhere, key, unknown, 404},
			{"a bad key", "POST", path, "nobody-knows-this-key-at-all", good, 401},
			{"a wrong method", "PUT", path, key, good, 405},
			{"33 MiB", "POST", path, key, insert(`"x":"` + strings.Repeat("x", 33<<20) + `"`), 413},
		} {
			if c.name == "gemini" && r.status == 405 {
				r.status = 404 // as Google answers
			}
			a := l.ask(t.Context(), r.method, r.path, r.key, strings.NewReader(r.body))
			if a.err != nil && r.status == 413 {
				continue // refused and closed while it was still being sent
			}
			if a.status != r.status || !isErrorOf(c.name, a) {
				t.Errorf("%s, %s: %d %v %.300s", c.name, r.name, a.status, a.err, a.body)
			}
		}
	}
	for _, r := range []struct{ path, format, body string }{
		{"/v1/chat/completions", "chat", `{"model":7,"messages":[]}`},
		{"/v1/chat/completions", "chat", `{"model":"chat/sim","messages":"hello"}`},
		{"/v1/chat/completions", "chat", `{"model":"chat/sim","stream":"yes","messages":[]}`},
		{"/v1/chat/completions", "chat", `{"model":"chat/sim","messages":[7]}`},
		{"/v1/responses", "responses", `{"model":"chat/sim","input":7}`},
		{"/v1/responses", "responses", `{"model":"chat/sim","input":[{"type":7}]}`},
		{"/v1/responses", "responses", `{"model":"chat/sim","input":"a","tools":{}}`},
		{"/v1/messages", "messages", `{"model":"chat/sim","max_tokens":"many","messages":[]}`},
		{"/v1/messages", "messages", `{"model":"chat/sim","max_tokens":9,"messages":{"role":"user"}}`},
		{"/v1/messages", "messages", `{"model":"chat/sim","max_tokens":9,"messages":[{"role":"user","content":7}]}`},
		{"/v1beta/models/chat/sim:generateContent", "gemini", `{"contents":7}`},
		{"/v1beta/models/chat/sim:generateContent", "gemini", `{"contents":[{"parts":"hello"}]}`},
		{"/v1beta/models/chat/sim:generateContent", "gemini", `{"contents":[{"parts":[{"text":7}]}]}`},
	} {
		if a := l.ask(t.Context(), "POST", r.path, key, strings.NewReader(r.body)); a.status != 400 || !isErrorOf(r.format, a) {
			t.Errorf("%s: %d %v %.300s", r.body, a.status, a.err, a.body)
		}
	}
	l.settles(t, before)
}

func TestManyAndLargeBodiesAreBounded(t *testing.T) {
	l := newRoughLab(t, "")
	before := l.calm(t)
	a := l.ask(t.Context(), "POST", "/v1/chat/completions", key, io.LimitReader(forever{}, 100<<20))
	if a.err == nil && a.status != 413 {
		t.Errorf("100 MB: %d %.300s", a.status, a.body)
	}
	if peak := l.memory(t, "VmHWM"); peak > 250 {
		t.Errorf("one body of 100 MB cost %d MiB", peak)
	}
	body := strings.Replace(hello("chat/sim-d20-n20", false), question, strings.Repeat("hello there ", 1<<20/12), 1)
	results := make(chan asked, 200)
	for range 200 {
		go func() { results <- l.ask(t.Context(), "POST", "/v1/chat/completions", key, strings.NewReader(body)) }()
	}
	got := map[int]int{}
	for range 200 {
		a := <-results
		got[a.status]++
		switch {
		case a.err != nil:
			t.Error(a.err)
		case a.status == 503 && a.header.Get("Retry-After") == "", a.status != 200 && a.status != 503:
			t.Errorf("%d %.300s", a.status, a.body)
		}
	}
	if got[200] == 0 {
		t.Errorf("%v", got)
	}
	peak := l.memory(t, "VmHWM")
	t.Logf("200 bodies of 1 MB: %v, %d MiB at the peak", got, peak)
	if peak > 1100 {
		t.Errorf("%d MiB of memory at the peak", peak)
	}
	if status, _, err := l.post(t, "/v1/chat/completions", hello("chat/sim", false)); status != 200 || err != nil {
		t.Errorf("afterwards: %d %v", status, err)
	}
	l.settles(t, before)
	if n := l.usageTurnsSoon(t, got[200]+1); n != got[200]+1 {
		t.Errorf("%d turns, want %d", n, got[200]+1)
	}
}

// TestClientsThatHoldTheLine: many clients that send or read nothing must cost
// the others nothing, and must be given up.
func TestClientsThatHoldTheLine(t *testing.T) {
	fast := "data: " + `{"id":"a","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"` + strings.Repeat("x", 30_000) + `"}}]}` + "\n\n"
	rawAnswers["endless-words"] = repeats(streamHead, fast)
	defer delete(rawAnswers, "endless-words")
	p := newRawProvider(t)
	l := newRoughLab(t, fmt.Sprintf("  raw: {type: openai, base_url: \"http://%s/v1\", api_key: k, formats: [chat], models: [{id: endless-words}]}\n", p.l.Addr()))
	before := l.calm(t)
	connect := func(text string) net.Conn {
		var d net.Dialer
		c, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(l.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		return c
	}
	head := func(path, key, more string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key + "\r\n" + more + "\r\n"
	}
	var held []net.Conn
	for range 50 {
		held = append(held,
			connect(head("/v1/chat/completions", key, "Content-Length: 1000000\r\n")+"{"),
			connect(head("/v1/messages", "nobody", "Content-Length: 1000\r\n")+"{"),
			connect(head("/api/v1/usage", "nobody", "Content-Length: 1000\r\n")+"{"),
			connect(head("/healthz", "nobody", "Transfer-Encoding: chunked\r\n")),
			connect("POST /v1/messages HTTP/1.1\r\nHost: loc"),
		)
	}
	const deaf = 10
	for range deaf {
		body := hello("raw/endless-words", true)
		held = append(held, connect(head("/v1/chat/completions", key, fmt.Sprintf("Content-Length: %d\r\n", len(body)))+body))
	}
	// A bomb of headers gets its answer at once.
	bomb := connect(head("/v1/messages", key, strings.Repeat("X-A: b\r\n", 20_000)))
	if resp, err := http.ReadResponse(bufio.NewReader(bomb), nil); err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("20,000 headers: %v %v", resp, err)
	} else if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	for _, c := range dialects {
		path, body := c.hello("chat/sim", false)
		if status, answer, err := l.post(t, path, body); status != 200 || err != nil {
			t.Errorf("%s beside them: %d %v %s", c.name, status, err, answer)
		}
	}
	if peak := l.memory(t, "VmHWM"); peak > 300 {
		t.Errorf("%d MiB of memory at the peak", peak)
	}
	l.settles(t, before)
	canceled := 0
	for _, row := range l.turns(t, deaf+len(dialects)) {
		if row.Status == "canceled" {
			canceled++
		}
	}
	if canceled != deaf {
		t.Errorf("%d turns of clients that read nothing ended as canceled, want %d", canceled, deaf)
	}
	for _, c := range held {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// usageTurnsSoon is how many turns the usage tells of, once that are count.
func (l *lab) usageTurnsSoon(t *testing.T, count int) (n int) {
	t.Helper()
	for range 100 {
		if n = l.usageTurns(t); n >= count {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return n
}
