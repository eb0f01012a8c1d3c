package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// command runs the binary as a client of the lab, in an empty folder.
func (l *lab) command(t *testing.T, args ...string) (out, errOut string, status int) {
	t.Helper()
	return run(t, []string{"OIDO_URL=" + l.url, "OIDO_KEY=" + key}, args...)
}

func run(t *testing.T, env []string, args ...string) (out, errOut string, status int) {
	t.Helper()
	return runWith(t, "", env, args...)
}

// runWith runs the binary with something to read.
func runWith(t *testing.T, in string, env []string, args ...string) (out, errOut string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Stdin = t.TempDir(), &stdout, &stderr, strings.NewReader(in)
	cmd.Env = append([]string{"HOME=" + cmd.Dir}, env...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// some has the lab answer a few requests: two good ones of an agent, one bad.
func (l *lab) some(t *testing.T) {
	t.Helper()
	for _, model := range []string{"chat/sim", "gemini/sim", "chat/sim-e500"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, l.url+"/v1/chat/completions", strings.NewReader(hello(model, false)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("X-Oido-Agent", "=clerk")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l.turns(t, 3)
}

func TestUsageOnTheCommandLine(t *testing.T) {
	l := newLab(t)
	l.some(t)
	out, errOut, status := l.command(t, "usage", "--by", "model,agent,day", "--agent", "=clerk")
	if status != 0 || errOut != "" || strings.Contains(out, "\x1b") {
		t.Errorf("%d %q %s", status, errOut, out)
	}
	for _, want := range []string{"last 7 days", "last 30 days", "MODEL", "chat/sim", "gemini/sim", "AGENT", "=clerk", "DAY", time.Now().UTC().Format(time.DateOnly), "unknown"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	out, errOut, status = l.command(t, "usage", "--csv", "--by", "provider,agent")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if status != 0 || errOut != "" || err != nil || len(rows) != 4 {
		t.Fatalf("%d %q %v %s", status, errOut, err, out)
	}
	at := map[string]int{}
	for i, title := range rows[0] {
		at[title] = i
	}
	got := [][]string{}
	for _, r := range rows[1:] {
		if r[at["input_tokens"]] == "" || r[at["total_tokens"]] == "0" {
			t.Errorf("%v", r)
		}
		got = append(got, []string{r[at["by"]], r[at["name"]], r[at["turns"]], r[at["cost_usd"]], r[at["unknown_cost_turns"]]})
	}
	slices.SortFunc(got, slices.Compare)
	// A failed request cost nothing, which is known; a model without a price has
	// no cost rather than 0. No name may run as a spreadsheet's formula.
	if d := cmp.Diff([][]string{{"agent", "'=clerk", "3", "", "2"}, {"provider", "chat", "2", "", "1"}, {"provider", "gemini", "1", "", "1"}}, got); d != "" {
		t.Error(d)
	}
	out, _, status = l.command(t, "usage", "--json", "--provider", "gemini")
	var u struct {
		Totals struct {
			Turns int `json:"turns"`
		} `json:"totals"`
	}
	if err := json.Unmarshal([]byte(out), &u); err != nil || status != 0 || u.Totals.Turns != 1 {
		t.Errorf("%d %v %s", status, err, out)
	}
}

func TestTurnsOnTheCommandLine(t *testing.T) {
	l := newLab(t)
	l.some(t)
	for args, lines := range map[string]int{"": 4, "--limit 2": 3, "--status error": 2, "--provider gemini --agent =clerk": 2, "--model sim": 3, "--user nobody": 1, "--window 7d": 4} {
		out, errOut, status := l.command(t, append([]string{"turns"}, strings.Fields(args)...)...)
		if n := strings.Count(out, "\n"); n != lines || status != 0 || errOut != "" {
			t.Errorf("turns %s: %d, %d lines, want %d: %s%s", args, status, n, lines, out, errOut)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "turns", "--follow", "--limit", "1", "--json", "--server", l.url, "--key", key)
	var errOut bytes.Buffer
	cmd.Stderr = &errOut
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	next := func() (v turn) {
		if !lines.Scan() {
			t.Fatalf("the tail ended: %s", errOut.String())
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	if v := next(); v.Status != "error" {
		t.Errorf("%+v", v)
	}
	for _, model := range []string{"messages/sim", "responses/sim"} {
		if status, answer, err := l.post(t, "/v1/chat/completions", hello(model, false)); status != 200 || err != nil {
			t.Fatal(status, answer, err)
		}
		if v := next(); v.Status != "ok" || v.Provider+"/sim" != model {
			t.Errorf("%+v", v)
		}
	}
	l.stop() // the server ends, and its followers with it, at once
	if lines.Scan() {
		t.Errorf("after the end: %s", lines.Text())
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(errOut.String(), "the server stops") {
		t.Errorf("%v %s", err, errOut.String())
	}
}

func TestModelsAndProvidersOnTheCommandLine(t *testing.T) {
	l := newLab(t)
	if got := status(t, l.url+"/readyz", ""); got != 200 { // the model lists have been read
		t.Fatal(got)
	}
	out, errOut, exit := l.command(t, "models", "sim", "--provider", "gemini")
	if exit != 0 || errOut != "" || !strings.Contains(out, "gemini/sim") || strings.Contains(out, "chat/") {
		t.Errorf("%d %s%s", exit, out, errOut)
	}
	out, _, exit = l.command(t, "models", "--json", "--tier", "fast")
	var list struct {
		Data []struct {
			Name string `json:"name"`
			Tier string `json:"tier"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil || exit != 0 || len(list.Data) == 0 {
		t.Errorf("%d %v %s", exit, err, out)
	}
	for _, m := range list.Data {
		if m.Tier != "fast" {
			t.Errorf("%+v", m)
		}
	}
	for _, args := range [][]string{{"providers"}, {"providers", "list"}} {
		out, errOut, exit = l.command(t, args...)
		if exit != 0 || errOut != "" || !strings.Contains(out, "\nmessages ") || strings.Count(out, "\n") < 5 {
			t.Errorf("%v: %d %s%s", args, exit, out, errOut)
		}
	}
}

// TestFailuresSayWhatToDo: each names what failed, on standard error alone, and
// the status tells a wrong command line from a failure.
func TestFailuresSayWhatToDo(t *testing.T) {
	l := newLab(t)
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	var listen net.ListenConfig
	silent, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + silent.Addr().String()
	if err := silent.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args, env []string
		status    int
		says      []string
	}{
		{[]string{"usge"}, nil, 2, []string{`"oido usge"`, "oido usage", "--help"}},
		{[]string{"config", "chek"}, nil, 2, []string{"oido config check"}},
		{[]string{"usage", "--windw", "7d"}, nil, 2, []string{"--windw", "oido usage --help"}},
		{[]string{"usage", "surplus"}, nil, 2, []string{"surplus", "oido usage --help"}},
		{[]string{"usage", "--csv", "--json"}, nil, 2, []string{"--csv", "--json"}},
		{[]string{"usage", "--server", "ftp://x"}, nil, 2, []string{"http://HOST:PORT"}},
		{[]string{"turns", "--limit", "0"}, nil, 2, []string{"--limit"}},
		{[]string{"turns", "--limit", "many"}, nil, 2, []string{"--limit"}},
		{[]string{"usage", "--window", "1y"}, nil, 1, []string{"window", "7d, 30d"}},
		{[]string{"usage", "--by", "moon"}, nil, 1, []string{"by", "workload"}},
		{[]string{"turns", "--status", "fine"}, nil, 1, []string{"status", "interrupted"}},
		{[]string{"usage", "--key", "not-the-key-not-the-key-not"}, nil, 1, []string{l.url, "--key", "not known"}},
		{[]string{"turns", "--follow", "--key", "not-the-key-not-the-key-not"}, nil, 1, []string{"--key", "not known"}},
		{[]string{"chat", "--key", "not-the-key-not-the-key-not"}, nil, 1, []string{"--key"}},
		{[]string{"usage"}, []string{"OIDO_URL=" + l.url, "OIDO_KEY="}, 1, []string{"--key", "OIDO_KEY", "admin.key"}},
		{[]string{"usage", "--org", "elsewhere"}, nil, 1, []string{"org", "operator"}},
		{[]string{"usage", "--server", nobody}, nil, 1, []string{nobody, "oido serve", "--server"}},
		{[]string{"turns", "--follow", "--server", nobody}, nil, 1, []string{nobody, "oido serve"}},
		{[]string{"chat", "--server", nobody}, nil, 1, []string{nobody, "oido serve"}},
		{[]string{"models", "--server", other.URL}, nil, 1, []string{other.URL, "404", "--server"}},
		{[]string{"chat", "--server", other.URL}, nil, 1, []string{other.URL, "404"}},
		{[]string{"chat", "--model", "workload/nothing-like-it"}, nil, 1, []string{"nothing-like-it", "wiki-ingest", "oido models"}},
		{[]string{"chat", "--model", "chat/nothing-like-it"}, nil, 1, []string{"nothing-like-it", "oido models"}},
		{[]string{"chat", "--model", "chat/sim-e500"}, nil, 1, []string{"oido turns"}},
	} {
		env := c.env
		if env == nil {
			env = []string{"OIDO_URL=" + l.url, "OIDO_KEY=" + key}
		}
		out, errOut, status := runWith(t, "hello\n", env, c.args...)
		if status != c.status {
			t.Errorf("%v: status %d, want %d", c.args, status, c.status)
		}
		if out != "" {
			t.Errorf("%v: on standard output: %s", c.args, out)
		}
		for _, want := range c.says {
			if !strings.Contains(errOut, want) {
				t.Errorf("%v: no %q in %s", c.args, want, errOut)
			}
		}
	}
}

// TestChat: through a pipe each line is answered in turn, in one session, and
// nothing but the answers is written.
func TestChat(t *testing.T) {
	l := newLab(t)
	env := []string{"OIDO_URL=" + l.url, "OIDO_KEY=" + key}
	for _, provider := range []string{"chat", "messages", "responses", "gemini"} {
		out, errOut, status := runWith(t, "hello\n\nand again\n", env, "chat", "--model", provider+"/sim-n3", "--agent", "clerk", "--session", "of-"+provider)
		if status != 0 || errOut != "" || strings.HasPrefix(out, "> ") || strings.Count(out, "\n") < 2 {
			t.Errorf("%s: %d %q %q", provider, status, out, errOut)
		}
	}
	l.turns(t, 8)
	for _, provider := range []string{"chat", "messages", "responses", "gemini"} {
		out, _, status := run(t, env, "turns", "--session", "of-"+provider, "--agent", "clerk", "--provider", provider)
		if n := strings.Count(out, "\n"); n != 3 || status != 0 {
			t.Errorf("%s: %d %s", provider, status, out)
		}
	}
	out, errOut, status := runWith(t, "hello\nnot asked\n", env, "chat", "--model", "chat/sim-n10-cut4")
	if status != 1 || !strings.Contains(errOut, "broke off") || out == "" {
		t.Errorf("a cut answer: %d %q %q", status, out, errOut)
	}
	l.turns(t, 9)
}

func TestConfigOnTheCommandLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "oido.yaml")
	text := "listen: 127.0.0.1:4711\nkeys: [{key: secret-secret-secret-secret, org: o, user: u, role: admin}]\n" +
		"providers:\n  openai: {api_key: sk-secret-secret}\n  off: {type: openai, api_key: \"${NOT_SET_ANYWHERE}\"}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"show"}, {"show", "--json"}, {"check"}, {"check", "--json"}} {
		out, errOut, status := run(t, nil, append([]string{"config", args[0], "--config", file}, args[1:]...)...)
		if status != 0 || strings.Contains(out+errOut, "secret-secret") || strings.Contains(errOut, "providers.off") != (args[0] == "show") {
			t.Errorf("%v: %d %s%s", args, status, out, errOut)
		}
		want := map[string]string{"show": "127.0.0.1:4711", "check": "providers.off: is off"}[args[0]]
		if !strings.Contains(out, want) {
			t.Errorf("%v: no %q in %s", args, want, out)
		}
		if len(args) > 1 {
			var v map[string]any
			if err := json.Unmarshal([]byte(out), &v); err != nil {
				t.Errorf("%v: %v in %s", args, err, out)
			}
		}
	}
	if err := os.WriteFile(file, []byte("listn: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errOut, status := run(t, nil, "config", "check", "--config", file); status != 1 || out != "" || !strings.Contains(errOut, "listen") || !strings.Contains(errOut, file+":1") {
		t.Errorf("%d %s%s", status, out, errOut)
	}
}

// TestTheSimulatorsFile: what models do can be said beforehand, and a file that
// can't be meant is refused with its place.
func TestTheSimulatorsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sim.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("listen: 127.0.0.1:0\nscripts:\n  gpt-4o: {faults: [e500, e429]}\n")
	sim := start(t, "sim", "--config", file)
	for _, want := range []int{500, 429, 200, 200} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sim.url+"/openai/v1/chat/completions", strings.NewReader(hello("gpt-4o", false)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer k")
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != want {
			t.Errorf("%d, want %d: %v", resp.StatusCode, want, err)
		}
	}
	for text, says := range map[string]string{"scripts: {m: {fault: [e500]}}": "fault", "scripts: {m: {faults: [nonsense]}}": "nonsense", "listen: [": "sim.yaml"} {
		write(text)
		if _, errOut, status := run(t, nil, "sim", "--config", file); status != 1 || !strings.Contains(errOut, says) || !strings.Contains(errOut, file) {
			t.Errorf("%s: %d %s", text, status, errOut)
		}
	}
}

func TestShellsComplete(t *testing.T) {
	l := newLab(t)
	if got := status(t, l.url+"/readyz", ""); got != 200 { // the model lists have been read
		t.Fatal(got)
	}
	l.some(t)
	for _, c := range []struct{ args, want []string }{
		{[]string{""}, []string{"serve", "demo", "sim", "chat", "usage", "turns", "models", "providers", "config", "doctor"}},
		{[]string{"config", ""}, []string{"check", "show", "schema"}},
		{[]string{"usage", "--wi"}, []string{"--window"}},
		{[]string{"usage", "--window", ""}, []string{"7d", "30d"}},
		{[]string{"usage", "--by", "model,"}, []string{"model,agent", "model,day"}},
		{[]string{"usage", "--agent", ""}, []string{"=clerk"}},
		{[]string{"turns", "--status", ""}, []string{"ok", "error", "cut", "canceled", "interrupted"}},
		{[]string{"turns", "--provider", ""}, []string{"chat", "messages", "responses", "gemini"}},
		{[]string{"chat", "--model", "chat/"}, []string{"chat/sim"}},
		{[]string{"route", "explain", "--workload", ""}, []string{"support", "coding"}},
		{[]string{"route", "explain", "--format", ""}, []string{"chat", "messages", "responses", "gemini"}},
		{[]string{"route", "explain", "--class", ""}, []string{"high_volume", "reasoning"}},
		{[]string{"route", "explain", "--down", ""}, []string{"messages"}},
		{[]string{"why", ""}, []string{l.turns(t, 3)[0].ID}},
		{[]string{"serve", "--log-level", ""}, []string{"debug", "info", "warn", "error"}},
	} {
		out, _, status := l.command(t, append([]string{"__completeNoDesc"}, c.args...)...)
		offered := map[string]bool{}
		for line := range strings.Lines(out) {
			offered[strings.TrimSpace(line)] = true
		}
		for _, want := range c.want {
			if !offered[want] || status != 0 {
				t.Errorf("%v: %d, %q is not offered in %s", c.args, status, want, out)
			}
		}
	}
	// With no gateway there is nothing to offer, and nothing to say either.
	out, _, status := run(t, []string{"OIDO_URL=http://127.0.0.1:1", "OIDO_KEY=" + key}, "__completeNoDesc", "chat", "--model", "")
	if status != 0 || out != ":4\n" {
		t.Errorf("%d %q", status, out)
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, errOut, status := run(t, nil, "completion", shell)
		if status != 0 || errOut != "" || !strings.Contains(script, "oido") {
			t.Errorf("%s: %d %s", shell, status, errOut)
		}
	}
	script, _, _ := run(t, nil, "completion", "bash")
	path := t.TempDir() + "/oido.bash"
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "bash", "-n", path).CombinedOutput(); err != nil {
		t.Errorf("%v %s", err, out)
	}
}
