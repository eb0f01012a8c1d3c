// Package e2e tries the built binary as its users do: over HTTP and on the
// command line, in front of simulated providers that run in a process of their
// own.
//
// It promises to reach the program by nothing but its flags, its port and its
// output. What single parts do is tested beside them.
package e2e

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

const key = "e2e-key-of-twenty-four-characters"

var binary string

func TestMain(m *testing.M) {
	os.Exit(build(m))
}

// waiting is how many tests wait for processes at a time, whatever the number of
// processors: that is what most of them do.
const waiting = "16"

func build(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", waiting); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	dir, err := os.MkdirTemp("", "oido-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "oido")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/oido").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// process is the binary, running.
type process struct {
	cmd  *exec.Cmd
	url  string
	log  *bytes.Buffer
	done chan struct{}
}

// start runs the binary and waits until it says where it serves.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, args...), log: &bytes.Buffer{}, done: make(chan struct{})}
	p.cmd.Dir = t.TempDir()
	p.cmd.Stderr = p.log
	p.cmd.Env = []string{"HOME=" + p.cmd.Dir, "PATH=" + os.Getenv("PATH")}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	found := make(chan string, 1)
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if _, url, ok := strings.Cut(lines.Text(), " on http"); ok {
				found <- "http" + url
			}
		}
	}()
	select {
	case p.url = <-found:
	case <-p.done:
		_ = p.cmd.Wait()
		t.Fatalf("%v ended: %s", args, p.log)
	case <-time.After(20 * time.Second):
		t.Fatalf("%v does not say where it serves", args)
	}
	return p
}

func (p *process) stop() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Signal(os.Interrupt)
	wait := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
	<-p.done
	_ = p.cmd.Wait()
	wait.Stop()
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.done
	_ = p.cmd.Wait()
}

// lab is a gateway in front of simulated providers.
type lab struct {
	*process
	config, data string
	sim          string // where the providers are simulated
}

func newLab(t *testing.T) *lab {
	t.Helper()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data"), sim: sim.url}
	config := fmt.Sprintf(`keys: [{key: %s, org: acme, user: ada, role: admin}]
providers:
  chat:     {type: openai, base_url: "%[2]s/openai/v1", api_key: k, formats: [chat]}
  messages: {type: anthropic, base_url: "%[2]s/anthropic", api_key: k}
  responses: {type: openai, base_url: "%[2]s/openai/v1", api_key: k, formats: [responses]}
  gemini:   {type: gemini, base_url: "%[2]s/gemini", api_key: k}
  openrouter: {type: openrouter, base_url: "%[2]s/openrouter/api/v1", api_key: k, formats: [chat]}
`, key, sim.url)
	if err := os.WriteFile(l.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	return l
}

func (l *lab) up(t *testing.T) {
	t.Helper()
	l.process = start(t, "serve", "--config", l.config, "--data-dir", l.data, "--listen", "127.0.0.1:0")
}

// post sends a request; the error is that of reading the answer.
func (l *lab) post(t *testing.T, path, body string) (status int, answer string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

type turn struct {
	ID       string  `json:"id"`
	Status   string  `json:"status"`
	Provider string  `json:"provider"`
	Format   string  `json:"format"`
	Stream   bool    `json:"stream"`
	Input    int64   `json:"input_tokens"`
	Output   int64   `json:"output_tokens"`
	Quality  string  `json:"usage_quality"`
	Cost     *string `json:"cost_usd"`
}

// turns waits until n turns are there and returns them, newest first.
func (l *lab) turns(t *testing.T, n int) []turn {
	t.Helper()
	var list struct {
		Data []turn `json:"data"`
	}
	for range 100 {
		out, err := exec.Command(binary, "turns", "--json", "--limit", "500", "--server", l.url, "--key", key).Output()
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out, &list); err != nil {
			t.Fatal(err)
		}
		if len(list.Data) >= n {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if len(list.Data) != n {
		t.Fatalf("%d turns, want %d", len(list.Data), n)
	}
	return list.Data
}

// usageTurns is how many turns the usage tells of.
func (l *lab) usageTurns(t *testing.T) int {
	t.Helper()
	out, err := exec.Command(binary, "usage", "--json", "--server", l.url, "--key", key).Output()
	if err != nil {
		t.Fatal(err)
	}
	var u struct {
		Last7 struct {
			Turns int `json:"turns"`
		} `json:"last_7_days"`
	}
	if err := json.Unmarshal(out, &u); err != nil {
		t.Fatal(err)
	}
	return u.Last7.Turns
}

// usageTurnsSoon waits until the usage tells of n turns.
func (l *lab) usageTurnsSoon(t *testing.T, n int) int {
	t.Helper()
	got := 0
	for range 100 {
		if got = l.usageTurns(t); got >= n {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return got
}

// clients are the ways in which a client asks for one text.
var clients = []struct {
	name, path, body, streamPath, streamBody string
	said, ended                              string // what an answer and a stream's end hold
}{
	{
		"chat", "/v1/chat/completions", `{"model":%q,"messages":[{"role":"user","content":"hello there"}]}`,
		"/v1/chat/completions", `{"model":%q,"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hello there"}]}`,
		`"chat.completion"`, "data: [DONE]\n\n",
	},
	{
		"messages", "/v1/messages", `{"model":%q,"max_tokens":100,"messages":[{"role":"user","content":"hello there"}]}`,
		"/v1/messages", `{"model":%q,"max_tokens":100,"stream":true,"messages":[{"role":"user","content":"hello there"}]}`,
		`"type":"message"`, `"message_stop"`,
	},
	{
		"responses", "/v1/responses", `{"model":%q,"input":"hello there","store":false}`,
		"/v1/responses", `{"model":%q,"input":"hello there","store":false,"stream":true}`,
		`"status":"completed"`, `"response.completed"`,
	},
	{
		"gemini", "/v1beta/models/%s:generateContent", `{"contents":[{"role":"user","parts":[{"text":"hello there"}]}]}`,
		"/v1beta/models/%s:streamGenerateContent?alt=sse", `{"contents":[{"role":"user","parts":[{"text":"hello there"}]}]}`,
		`"finishReason":"STOP"`, `"finishReason":"STOP"`,
	},
}

func fill(format, model string) string {
	if strings.Contains(format, "%q") || strings.Contains(format, "%s") {
		return fmt.Sprintf(format, model)
	}
	return format
}

func TestEveryClientFormatReachesEveryProvider(t *testing.T) {
	l := newLab(t)
	count := 0
	for _, c := range clients {
		for _, provider := range []string{"chat", "messages", "responses", "gemini"} {
			model := provider + "/sim-n4"
			status, answer, err := l.post(t, fill(c.path, model), fill(c.body, model))
			if status != 200 || err != nil || !strings.Contains(answer, c.said) {
				t.Errorf("%s at %s: %d %v\n%s", c.name, provider, status, err, answer)
			}
			status, answer, err = l.post(t, fill(c.streamPath, model), fill(c.streamBody, model))
			if status != 200 || err != nil || !strings.Contains(answer, c.ended) {
				t.Errorf("%s at %s, streamed: %d %v\n%s", c.name, provider, status, err, answer)
			}
			count += 2
		}
	}
	for _, row := range l.turns(t, count) {
		if row.Status != "ok" || row.Input == 0 || row.Output == 0 || row.Quality != "exact" || row.Cost != nil {
			t.Errorf("%+v", row)
		}
	}
}

func TestAGeminiClientWithoutSSEGetsOneArray(t *testing.T) {
	l := newLab(t)
	for _, provider := range []string{"chat", "messages", "responses", "gemini"} {
		status, answer, err := l.post(t, "/v1beta/models/"+provider+"/sim-n4:streamGenerateContent", clients[3].body)
		var chunks []map[string]any
		if status != 200 || err != nil || json.Unmarshal([]byte(answer), &chunks) != nil || len(chunks) == 0 {
			t.Errorf("%s: %d %v %s", provider, status, err, answer)
		}
	}
}

func TestRefusalsAreTheCallersOwn(t *testing.T) {
	l := newLab(t)
	for _, c := range []struct {
		model  string
		status int
		turn   bool
	}{
		{"nothing/like-that", 404, false},
		{"workload/support", 501, false},
		{"chat/sim-e400", 400, true},
		{"chat/sim-e401", 502, true},
		{"chat/sim-e429", 429, true},
		{"chat/sim-e500", 500, true},
		{"messages/sim-e529", 503, true},
	} {
		status, answer, err := l.post(t, "/v1/chat/completions", fill(clients[0].body, c.model))
		if status != c.status && (c.status != 503 || status != 529) || err != nil || !strings.Contains(answer, `"error"`) {
			t.Errorf("%s: %d %v %s", c.model, status, err, answer)
		}
	}
	for _, body := range []string{"", "{", "[]", `{"model":"a","model":"b"}`, `{"model":7}`} {
		if status, answer, _ := l.post(t, "/v1/chat/completions", body); status != 400 {
			t.Errorf("%q: %d %s", body, status, answer)
		}
	}
	for _, row := range l.turns(t, 5) {
		if row.Status != "error" || row.Output != 0 {
			t.Errorf("%+v", row)
		}
	}
}

// asksTool is one tool turn in each client format: the first request, the word
// that shows the call, and how the call's id reads.
var asksTool = []struct{ path, body, call string }{
	{"/v1/chat/completions", `{"model":%q,"messages":[{"role":"user","content":"what is the weather?"}],"tools":[{"type":"function","function":{"name":"get_weather","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}]}`, `"finish_reason":"tool_calls"`},
	{"/v1/messages", `{"model":%q,"max_tokens":500,"messages":[{"role":"user","content":"what is the weather?"}],"tools":[{"name":"get_weather","description":"d","input_schema":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]}`, `"stop_reason":"tool_use"`},
	{"/v1/responses", `{"model":%q,"store":false,"input":"what is the weather?","tools":[{"type":"function","name":"get_weather","description":"d","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}]}`, `"type":"function_call"`},
	{"/v1beta/models/%s:generateContent", `{"contents":[{"role":"user","parts":[{"text":"what is the weather?"}]}],"tools":[{"functionDeclarations":[{"name":"get_weather","description":"d","parameters":{"type":"OBJECT","properties":{"city":{"type":"STRING"}},"required":["city"]}}]}]}`, `"functionCall"`},
}

func TestToolsReachEveryProvider(t *testing.T) {
	l := newLab(t)
	for _, c := range asksTool {
		for _, provider := range []string{"chat", "messages", "responses", "gemini"} {
			model := provider + "/sim-tools1"
			status, answer, err := l.post(t, fill(c.path, model), fill(c.body, model))
			if status != 200 || err != nil || !strings.Contains(answer, c.call) || !strings.Contains(answer, "get_weather") {
				t.Errorf("%s at %s: %d %v\n%s", c.path, provider, status, err, answer)
			}
		}
	}
}

func TestAnAnswerThatBreaksLooksBroken(t *testing.T) {
	l := newLab(t)
	for _, c := range clients {
		model := "chat/sim-n10-cut4"
		status, answer, err := l.post(t, fill(c.streamPath, model), fill(c.streamBody, model))
		if status != 200 || err == nil || strings.Contains(answer, c.ended) {
			t.Errorf("%s: %d, error %v: %s", c.name, status, err, answer)
		}
	}
	for _, row := range l.turns(t, len(clients)) {
		if row.Status != "cut" || row.Output == 0 || row.Quality != "estimated" {
			t.Errorf("%+v", row)
		}
	}
}

func TestAKilledProcessLosesNoTurn(t *testing.T) {
	l := newLab(t)
	const rounds = 20
	for range rounds {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _, _ = l.post(t, "/v1/chat/completions", fill(clients[0].streamBody, "chat/sim-n200-d20"))
		}()
		if status, _, err := l.post(t, "/v1/chat/completions", fill(clients[0].body, "chat/sim")); status != 200 || err != nil {
			t.Fatal(status, err)
		}
		time.Sleep(200 * time.Millisecond) // the stream is under way
		l.kill(t)
		<-ended
		l.up(t)
	}
	got := map[string]int{}
	for _, row := range l.turns(t, 2*rounds) {
		got[row.Status]++
	}
	if got["ok"] != rounds || got["interrupted"] != rounds {
		t.Errorf("%v", got)
	}
}
