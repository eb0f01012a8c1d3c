package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// timed is the end of what is said of a step: how long it took.
var timed = regexp.MustCompile(`\(([0-9.]+m?s)+(, [0-9]+ tokens)?\)$`)

// TestDoctor: each thing is looked at, what is wrong is said with what to do, and
// no key is repeated.
func TestDoctor(t *testing.T) {
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data")}
	text := fmt.Sprintf(`keys: [{key: %s, org: acme, user: ada, role: admin}]
providers:
  chat:     {type: openai, base_url: "%[2]s/openai/v1", api_key: k, formats: [chat]}
  messages: {type: anthropic, base_url: "%[2]s/anthropic", api_key: k, orgs: [elsewhere]}
  gemini:   {type: gemini, base_url: "%[2]s/gemini", api_key: k}
  wrong:    {type: gemini, base_url: "%[2]s/gemini", api_key: bad-key-of-the-operator}
  down:     {type: openai, base_url: "http://127.0.0.1:1/v1", api_key: k}
  later:    {type: openai, api_key: "${NOT_SET_ANYWHERE}"}
`, key, sim.url)
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	if status, answer, err := l.post(t, "/v1/chat/completions", hello("chat/sim", false)); status != 200 || err != nil {
		t.Fatal(status, answer, err)
	}
	l.turns(t, 1)
	args := []string{"doctor", "--config", l.config, "--data-dir", l.data, "--listen", strings.TrimPrefix(l.url, "http://")}
	out, errOut, status := run(t, nil, append(args, "--json")...)
	var all []struct {
		What, Says, Mark string
		Took             *int64 `json:"took_ms"`
	}
	if err := json.Unmarshal([]byte(out), &all, json.MatchCaseInsensitiveNames(true)); err != nil || status != 1 {
		t.Fatalf("%d %v %s%s", status, err, out, errOut)
	}
	var got []string
	says := ""
	for _, f := range all {
		got = append(got, f.Mark+" "+strings.ReplaceAll(strings.Fields(f.What)[0]+" "+f.What[strings.LastIndexByte(f.What, ' ')+1:], dir, ""))
		says += f.Says + "\n"
		if f.Took == nil || f.Mark == "ok" && !timed.MatchString(f.Says) {
			t.Errorf("no time in %+v", f)
		}
	}
	if d := cmp.Diff([]string{
		"ok configuration configuration", "off provider later", "ok data /data", "ok database database", "ok address " + strings.TrimPrefix(l.url, "http://"), "ok clock clock",
		"ok provider chat", "ok provider chat", "ok provider chat", "ok provider messages", "ok provider messages", "ok provider messages",
		"ok provider gemini", "ok provider gemini", "ok provider gemini",
		"wrong provider wrong", "wrong provider down",
	}, got); d != "" {
		t.Error(d, out)
	}
	for _, want := range []string{"a gateway runs there", "can be read", "its API key is wrong", "connection refused", "streamed"} {
		if !strings.Contains(says, want) {
			t.Errorf("no %q in %s", want, says)
		}
	}
	if strings.Contains(out+errOut, "bad-key") || !strings.Contains(errOut, "2 things are wrong") {
		t.Errorf("%s%s", out, errOut)
	}
	l.turns(t, 1) // what it asked is no turn of the installation

	out, _, status = run(t, nil, append(args, "--provider", "gemini", "--no-call")...)
	if status != 0 || strings.Contains(out, "streamed") || strings.Contains(out, "provider chat") || !strings.Contains(out, "provider gemini") {
		t.Errorf("%d %s", status, out)
	}
	// The same of one provider, by the running gateway.
	for _, c := range []struct {
		name   string
		status int
		out    []string
		errOut string
	}{
		{"chat", 0, []string{"ok     provider chat: its key is taken", "streamed"}, ""},
		{"wrong", 1, []string{"WRONG  provider wrong", "its API key is wrong"}, "wrong is not well"},
		{"nobody", 1, nil, "no provider nobody"},
		{"messages", 1, nil, "no provider messages"}, // another org's
	} {
		out, errOut, status := l.command(t, "providers", "test", c.name)
		if status != c.status || !strings.Contains(errOut, c.errOut) || strings.Contains(out, "bad-key") || (c.out == nil) != (out == "") {
			t.Errorf("%s: %d %s%s", c.name, status, out, errOut)
		}
		for _, want := range c.out {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in %s", c.name, want, out)
			}
		}
	}
	if _, errOut, status := l.command(t, "providers", "test"); status != 2 || !strings.Contains(errOut, "--help") {
		t.Errorf("%d %s", status, errOut)
	}
	l.turns(t, 1)
	// A folder that can't be written, a database that is none, a port that
	// something else has.
	l.stop()
	if err := os.WriteFile(filepath.Join(l.data, "oido.db"), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, status = run(t, nil, "doctor", "--config", l.config, "--data-dir", l.data, "--listen", strings.TrimPrefix(sim.url, "http://"), "--no-call", "--provider", "chat")
	if status != 1 || strings.Count(out, "WRONG") != 2 || !strings.Contains(out, "oido.db can't be read") || !strings.Contains(out, "isn't this program") {
		t.Errorf("%d %s", status, out)
	}
	out, _, status = run(t, nil, "doctor", "--config", l.config, "--data-dir", l.config, "--listen", "203.0.113.1:80", "--no-call", "--provider", "chat")
	if status != 1 || !strings.Contains(out, "--data-dir") || !strings.Contains(out, "--listen") {
		t.Errorf("%d %s", status, out)
	}
}

// TestDoctorTriesAddedAccounts as those of the configuration, also while the gateway
// serves, by the name that was given to them.
func TestDoctorTriesAddedAccounts(t *testing.T) {
	const secret = "a secret of this installation"
	l := newBareLab(t, secret)
	for name, key := range map[string]string{"good": "good-key-of-a-team", "wrong": "bad-key-of-a-team"} {
		if out, errOut, exit := l.manage(t, key, "add", "anthropic", "--name", name, "--base-url", l.sim+"/anthropic", "--api-key", "-", "--force"); exit != 0 {
			t.Fatal(out, errOut)
		}
	}
	doctor := func(args ...string) (string, int) {
		out, errOut, status := run(t, nil, append([]string{"doctor", "--config", l.config, "--data-dir", l.data, "--listen", strings.TrimPrefix(l.url, "http://")}, args...)...)
		if strings.Contains(out+errOut, "-of-a-team") {
			t.Errorf("a key in %s%s", out, errOut)
		}
		return out + errOut, status
	}
	for _, when := range []string{"while it serves", "stopped"} {
		out, status := doctor()
		for _, want := range []string{"ok     provider fixed: its key is taken", "ok     provider good: its key is taken", "ok     provider good: good/", "WRONG  provider wrong: its API key is wrong"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in %s", when, want, out)
			}
		}
		if status != 1 || strings.Count(out, "clock: agrees") != 1 || strings.Count(out, "WRONG") != 1 {
			t.Errorf("%s: %d %s", when, status, out)
		}
		out, status = doctor("--provider", "good", "--no-call")
		if status != 0 || !strings.Contains(out, "provider good: its list has") || strings.Contains(out, "provider fixed") {
			t.Errorf("%s: %d %s", when, status, out)
		}
		if out, status = doctor("--provider", "nobody"); status != 2 || !strings.Contains(out, "none of it was added") {
			t.Errorf("%s: %d %s", when, status, out)
		}
		l.stop()
	}
	l.secret(t, "another secret than before")
	if out, status := doctor("--no-call"); status != 1 || !strings.Contains(out, "WRONG  provider good: was added and is off: its key was sealed with another secret_key") {
		t.Errorf("%d %s", status, out)
	}
}
