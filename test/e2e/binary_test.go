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
	"errors"
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
	"github.com/go-json-experiment/json/jsontext"
)

const (
	key         = "e2e-key-of-twenty-four-characters"
	colleague   = "e2e-key-of-another-user-of-the-org"
	strangerKey = "e2e-key-of-somebody-in-another-org"
)

var binary string

func TestMain(m *testing.M) {
	os.Exit(build(m))
}

// waiting is how many tests wait for processes at a time, whatever the number of
// processors: that is what most of them do.
const waiting = "32"

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
	sim          string // where the simulated providers are
}

// played are the scripts that are played at accounts with models of a list alone.
const played = `n2 n3 n6 n40 empty refuse n6-wholestream n6-nousage n2-think n4-cached50 n4-think-cached50-written20
	tools1 tools1-mix tools1-noargs tools1-par2 tools1-par3 tools2-par3 tools3-n2 think-tools1 think-tools1-par2 think-tools2-par2 think-tools3-par2
	quota ctx e401 e429-ra7 err0`

func newLab(t *testing.T) *lab {
	t.Helper()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data"), sim: sim.url}
	config := fmt.Sprintf(`keys: [{key: %s, org: acme, user: ada, role: admin}, {key: `+colleague+`, org: acme, user: bob, role: admin}, {key: `+strangerKey+`, org: globex, user: eve, role: admin}]
providers:
  chat:     {type: openai, base_url: "%[2]s/openai/v1", api_key: k, formats: [chat]}
  messages: {type: anthropic, base_url: "%[2]s/anthropic", api_key: k}
  responses: {type: openai, base_url: "%[2]s/openai/v1", api_key: k, formats: [responses]}
  gemini:   {type: gemini, base_url: "%[2]s/gemini", api_key: k}
  openrouter: {type: openrouter, base_url: "%[2]s/openrouter/api/v1", api_key: k, formats: [chat]}
  rotating: {type: anthropic, base_url: "%[2]s/anthropic", api_keys: [bad-key, good-key]}
  messages-2: {type: anthropic, base_url: "%[2]s/anthropic", api_keys: [one-key, two-key]}
  gemini-2: {type: gemini, base_url: "%[2]s/gemini", api_keys: [one-key, two-key]}
  compatible: {type: openai, base_url: "%[2]s/v1", api_key: k, formats: [chat]}
  nvidia:   {type: nvidia, base_url: "%[2]s/nvidia/v1", api_key: k}
  mistral:  {type: mistral, base_url: "%[2]s/mistral/v1", api_key: k}
  xai:      {type: xai, base_url: "%[2]s/xai/v1", api_key: k}
  xai-chat: {type: xai, base_url: "%[2]s/xai/v1", api_key: k, formats: [chat]}
  groq:     {type: groq, base_url: "%[2]s/groq/openai/v1", api_key: k}
  together: {type: together, base_url: "%[2]s/together/v1", api_key: k}
  moonshot: {type: moonshot, base_url: "%[2]s/moonshot/v1", api_key: k, formats: {chat: "", messages: "%[2]s/moonshot/anthropic"}}
  dashscope: {type: alibaba, base_url: "%[2]s/dashscope/compatible-mode/v1", api_key: k, formats: {chat: "", responses: "", messages: "%[2]s/dashscope/apps/anthropic"}}
  converse: {type: bedrock, base_url: "%[2]s/bedrock", region: us-east-1, api_key: k}
  claude-converse: {type: bedrock, base_url: "%[2]s/bedrock", region: us-east-1, api_key: k, formats: [converse]}
  # Their lists are taken at their word, so what isn't on them is declared.
  deepseek: {type: deepseek, base_url: "%[2]s/deepseek", api_key: k, formats: {chat: "", messages: "%[2]s/deepseek/anthropic", responses: ""}, models: [%[3]s]}
  ollama:   {type: ollama, base_url: "%[2]s/ollama", models: [%[3]s]}
`, key, sim.url, "{id: sim-"+strings.Join(strings.Fields(played), "}, {id: sim-")+"}")
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
	Cached   int64   `json:"cache_read_tokens"`
	Output   int64   `json:"output_tokens"`
	Attempts int     `json:"attempts"`
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

// hello is a request for one text.
func (d *dialect) hello(model string, stream bool) (path, doc string) {
	path, body := d.request(ask{model: model, stream: stream, said: []said{{text: question}}})
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // a map of strings, lists and flags
	}
	return path, string(b)
}

// hello is the body of a Chat request for one text.
func hello(model string, stream bool) string {
	_, doc := chatDialect.hello(model, stream)
	return doc
}

func TestAGeminiClientWithoutSSEGetsOneArray(t *testing.T) {
	l := newLab(t)
	for _, u := range upstreams {
		status, answer, err := l.post(t, "/v1beta/models/"+u.name+"/sim-n6:streamGenerateContent", `{"contents":[{"role":"user","parts":[{"text":"`+question+`"}]}]}`)
		chunks, unread := read[[]jsontext.Value]([]byte(answer))
		var r geminiReader
		for _, chunk := range chunks {
			unread = errors.Join(unread, r.add(chunk))
		}
		if status != 200 || err != nil || unread != nil || r.done().finish != finishStop || r.text != answered {
			t.Errorf("%s: %d %v %v %s", u.name, status, err, unread, answer)
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
			_, _, _ = l.post(t, "/v1/chat/completions", hello("chat/sim-n200-d20", true))
		}()
		if status, _, err := l.post(t, "/v1/chat/completions", hello("chat/sim", false)); status != 200 || err != nil {
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
