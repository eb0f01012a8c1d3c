package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestStoppingLetsStreamsFinish(t *testing.T) {
	l := newLab(t)
	type result struct {
		status int
		answer string
		err    error
	}
	done := make(chan result, 1)
	go func() {
		status, answer, err := l.post(t, "/v1/chat/completions", hello("chat/sim-n40-d25", true))
		done <- result{status, answer, err}
	}()
	time.Sleep(300 * time.Millisecond)
	l.stop()
	if r := <-done; r.status != 200 || r.err != nil || !strings.Contains(r.answer, "[DONE]") {
		t.Errorf("%+v", r)
	}
	if code := l.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit status %d: %s", code, l.log)
	}
	l.up(t)
	if row := l.turns(t, 1)[0]; row.Status != "ok" || row.Quality != "exact" {
		t.Errorf("%+v", row)
	}
}

func TestTheFirstStartMakesAKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, "serve", "--data-dir", dir, "--listen", "127.0.0.1:0")
	b, err := os.ReadFile(filepath.Join(dir, "admin.key"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(filepath.Join(dir, "admin.key"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st.Mode(), err)
	}
	for path, want := range map[string]int{"/v1/models": 200, "/api/v1/usage": 200, "/metrics": 200} {
		if got := status(t, p.url+path, strings.TrimSpace(string(b))); got != want {
			t.Errorf("%s with the key: %d", path, got)
		}
		if got := status(t, p.url+path, ""); got != 401 {
			t.Errorf("%s without a key: %d", path, got)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/api/openapi.json"} {
		if got := status(t, p.url+path, ""); got != 200 {
			t.Errorf("%s: %d", path, got)
		}
	}
	if out, err := exec.Command(binary, "serve", "--data-dir", dir, "--listen", "127.0.0.1:0").CombinedOutput(); err == nil || !strings.Contains(string(out), "in use by process") {
		t.Errorf("a second server on the same folder: %v %s", err, out)
	}
}

func status(t *testing.T, url, key string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	return resp.StatusCode
}

func TestAChangedFileIsInForceWithoutARestart(t *testing.T) {
	l := newLab(t)
	if status, _, _ := l.post(t, "/v1/chat/completions", hello("short", false)); status != 404 {
		t.Fatalf("an alias that isn't there: %d", status)
	}
	b, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	write := func(more string) {
		if err := os.WriteFile(l.config, append(b, more...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("aliases: {short: chat/sim}\n")
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if status, _, _ := l.post(t, "/v1/chat/completions", hello("short", false)); status == 200 {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("the alias is not in force: %d\n%s", status, l.log)
		}
	}
	write("alliases: {short: chat/sim}\n") // a mistake leaves what was in force
	time.Sleep(3 * time.Second)
	if status, answer, _ := l.post(t, "/v1/chat/completions", hello("short", false)); status != 200 {
		t.Errorf("%d %s", status, answer)
	}
	out, err := exec.Command(binary, "config", "check", "--config", l.config).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "aliases") {
		t.Errorf("a mistake in the file: %v %s", err, out)
	}
}
