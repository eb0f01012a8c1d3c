package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const operatorKey = "an-operator-key-of-24-characters"

// newBareLab is a gateway with one provider in its file and an operator.
func newBareLab(t *testing.T, secret string) *lab {
	t.Helper()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data"), sim: sim.url}
	l.secret(t, secret)
	l.up(t)
	return l
}

func (l *lab) secret(t *testing.T, secret string) {
	t.Helper()
	text := fmt.Sprintf("secret_key: %q\nkeys:\n  - {key: %s, org: acme, user: ada, role: admin}\n  - {key: %s, org: house, user: root, role: operator}\nproviders:\n  fixed: {type: openai, base_url: %q, api_key: k, formats: [chat]}\n",
		secret, key, operatorKey, l.sim+"/openai/v1")
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// manage runs a providers command as the operator, with something to read.
func (l *lab) manage(t *testing.T, in string, args ...string) (out, errOut string, status int) {
	t.Helper()
	return runWith(t, in, []string{"OIDO_URL=" + l.url, "OIDO_KEY=" + operatorKey, "TEAM_KEY=good-key-of-the-team"}, append([]string{"providers"}, args...)...)
}

func (l *lab) chats(t *testing.T, model string) int {
	t.Helper()
	status, _, err := l.post(t, "/v1/chat/completions", hello(model, false))
	if err != nil {
		t.Error(err)
	}
	return status
}

// TestAnAccountComesAndGoes: it is tried, kept over a restart and forgotten, and
// its key is nowhere to be read.
func TestAnAccountComesAndGoes(t *testing.T) {
	l := newBareLab(t, "a secret of this installation")
	const secret = "good-key-that-nobody-may-see"
	logs := ""
	add := []string{"add", "anthropic", "--name", "mine", "--base-url", l.sim + "/anthropic", "--api-key", "-"}
	out, errOut, exit := l.manage(t, secret+"\n", add...)
	if exit != 0 || !strings.Contains(out, "its key is taken") || !strings.Contains(out, "streamed") || !strings.Contains(out, "mine is connected") {
		t.Fatalf("%d %s%s", exit, out, errOut)
	}
	said := out + errOut
	if got := l.chats(t, "mine/sim"); got != 200 {
		t.Errorf("chat through it: %d", got)
	}
	for args, says := range map[string]string{"add openai --name fixed --api-key TEAM_KEY": "the configuration", "add openai --name mine --api-key TEAM_KEY": "already", "remove fixed": "configuration"} {
		out, errOut, exit = l.manage(t, "", strings.Fields(args)...)
		if said += out + errOut; exit != 1 || !strings.Contains(errOut, says) {
			t.Errorf("%s: %d %s%s", args, exit, out, errOut)
		}
	}
	out, errOut, exit = l.manage(t, "", "test", "mine")
	if said += out + errOut; exit != 0 || strings.Count(out, "\n") < 4 {
		t.Errorf("%d %s%s", exit, out, errOut)
	}
	again := func(secretKey string) {
		l.stop()
		logs += l.log.String()
		l.secret(t, secretKey)
		l.up(t)
		l.ready(t)
	}
	again("a secret of this installation")
	if got := l.chats(t, "mine/sim"); got != 200 {
		t.Errorf("after a restart: %d", got)
	}
	// Under another secret it is off, and the rest serves.
	again("another secret than before")
	if a, b := l.chats(t, "mine/sim"), l.chats(t, "fixed/sim"); a == 200 || b != 200 {
		t.Errorf("under another secret: %d and %d", a, b)
	}
	if !strings.Contains(l.log.String(), "another secret_key") {
		t.Errorf("the log doesn't say so: %s", l.log)
	}
	if out, errOut, exit = l.manage(t, "", "list"); exit != 0 || !strings.Contains(out, "another secret_key") {
		t.Errorf("%d %s%s", exit, out, errOut)
	}
	again("a secret of this installation")
	if out, errOut, exit = l.manage(t, "", "remove", "mine"); exit != 0 {
		t.Errorf("%d %s%s", exit, out, errOut)
	}
	if got := l.chats(t, "mine/sim"); got == 200 {
		t.Error("a removed account answers")
	}
	again("a secret of this installation")
	if got := l.chats(t, "mine/sim"); got == 200 {
		t.Error("a removed account is back after a restart")
	}
	l.stop()
	for where, text := range map[string]string{"output": said, "log": logs + l.log.String()} {
		if strings.Contains(text, secret) || strings.Contains(text, "good-key-of-the-team") {
			t.Errorf("a key in the %s", where)
		}
	}
	files, err := filepath.Glob(filepath.Join(l.data, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil && strings.Contains(string(text), secret) {
			t.Errorf("a key in %s", f)
		}
	}
}

// TestWhatIsWrongIsSaidBeforeAnAccountIsAdded, in plain words, and nothing is.
func TestWhatIsWrongIsSaidBeforeAnAccountIsAdded(t *testing.T) {
	l := newBareLab(t, "a secret of this installation")
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<!doctype html><html>Welcome</html>"))
	}))
	defer page.Close()
	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"object":"list","data":[]}`))
	}))
	defer empty.Close()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer refusing.Close()
	for _, c := range []struct{ base, key, says string }{
		{l.sim + "/openai/v1", "bad-key", "its API key is wrong"},
		{page.URL + "/v1", "good-key", "web page"},
		{refusing.URL + "/v1", "sk-ant-api03-of-another-vendor", "looks like a key for anthropic"},
		{"http://127.0.0.1:1/v1", "good-key", "connection refused"},
		{l.sim + "/nowhere/v1", "good-key", "base_url"},
	} {
		out, errOut, exit := l.manage(t, c.key, "add", "openai", "--base-url", c.base, "--api-key", "-")
		if exit != 1 || !strings.Contains(out, c.says) || !strings.Contains(errOut, "--force") || strings.Contains(out+errOut, c.key) {
			t.Errorf("%s: %d %s%s", c.base, exit, out, errOut)
		}
	}
	if out, _, exit := l.manage(t, "", "list"); exit != 0 || strings.Contains(out, "openai ") {
		t.Errorf("one was added: %d %s", exit, out)
	}
	// An empty list is said; the key is taken, so the account is added.
	out, errOut, exit := l.manage(t, "good-key", "add", "openai", "--name", "empty", "--base-url", empty.URL+"/v1", "--api-key", "-")
	if exit != 0 || !strings.Contains(out, "the list is empty") {
		t.Errorf("%d %s%s", exit, out, errOut)
	}
	if out, errOut, exit = l.manage(t, "bad-key", "add", "openai", "--name", "forced", "--base-url", l.sim+"/openai/v1", "--api-key", "-", "--force"); exit != 0 {
		t.Errorf("%d %s%s", exit, out, errOut)
	}
	// A key never stands on the command line, and what is taken for one isn't repeated.
	for _, args := range [][]string{{"add", "openai", "--api-key", "sk-proj-on-the-line"}, {"add", "openai", "--api-key", "-", "--option", "api_key=sk-proj-on-the-line"}, {"add", "openai"}, {"add", "openai", "--api-key", "prompt"}} {
		if out, errOut, exit := l.manage(t, "good-key", args...); exit != 2 || !strings.Contains(errOut, "--api-key") || strings.Contains(out+errOut, "on-the-line") {
			t.Errorf("%v: %d %s%s", args, exit, out, errOut)
		}
	}
}

// TestAccountsOfCloudsComeAndGo: those that prove themselves by more than a key are
// added too, with their secrets out of variables.
func TestAccountsOfCloudsComeAndGo(t *testing.T) {
	t.Parallel()
	l := newBareLab(t, "a secret of this installation")
	env := []string{
		"OIDO_URL=" + l.url, "OIDO_KEY=" + operatorKey, "AWS_SECRET=secret-of-AKIAEXAMPLE", "APP_SECRET=secret-of-app",
		"SERVICE_ACCOUNT=" + string(l.fetch(t, l.sim+"/vertex/service-account.json")),
	}
	manage := func(args ...string) (string, int) {
		out, errOut, exit := runWith(t, "", env, append([]string{"providers"}, args...)...)
		l.tellsNothing(t, strings.Join(args, " "), out+errOut)
		return out + errOut, exit
	}
	for _, c := range []struct {
		model   string
		options []string
	}{
		{"bedrock/amazon.nova-sim-n2", []string{"base_url=" + l.sim + "/bedrock", "region=us-east-1", "access_key_id=AKIAEXAMPLE", "secret_access_key=AWS_SECRET"}},
		{"azure/sim-n2", []string{"base_url=" + l.sim + "/azure", "authority=" + l.sim + "/entra", "tenant_id=t", "client_id=app", "client_secret=APP_SECRET"}},
		{"vertex/sim-n2", []string{"base_url=" + l.sim + "/vertex", "project=p", "credentials=SERVICE_ACCOUNT"}},
	} {
		name, _, _ := strings.Cut(c.model, "/")
		add := []string{"add", name, "--api-key", "none", "--force"}
		for _, o := range c.options {
			add = append(add, "--option", o)
		}
		if said, exit := manage(add...); exit != 0 || !strings.Contains(said, "its key is taken") || !strings.Contains(said, name+" is connected") {
			t.Errorf("%s: %d %s", name, exit, said)
		}
		if got := l.chats(t, c.model); got != 200 {
			t.Errorf("%s: %d", c.model, got)
		}
		if said, exit := manage("remove", name); exit != 0 {
			t.Errorf("%s: %d %s", name, exit, said)
		}
		if said, exit := manage("add", name, "--api-key", "none"); exit != 1 || !strings.Contains(said, "it has no ") {
			t.Errorf("%s, of which nothing is said: %d %s", name, exit, said)
		}
	}
	for _, o := range []string{"secret_access_key=secret-of-nobody", "client_secret=NOT_SET_ANYWHERE", `credentials={"private_key":"secret-of-nobody"}`, "token=secret-of-nobody"} {
		if said, exit := manage("add", "bedrock", "--api-key", "none", "--option", o); exit != 2 || !strings.Contains(said, "name of a variable") {
			t.Errorf("%d %s", exit, said)
		}
	}
	l.stop()
	l.tellsNothing(t, "the log", l.log.String())
}

// TestOthersDoNotNoticeAccountsThatComeAndGo: under load no request fails.
func TestOthersDoNotNoticeAccountsThatComeAndGo(t *testing.T) {
	l := newBareLab(t, "a secret of this installation")
	l.ready(t)
	done := make(chan struct{})
	var asking sync.WaitGroup
	for i := range 4 {
		asking.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				status, answer, err := l.post(t, "/v1/chat/completions", hello("fixed/sim", i%2 == 0))
				if status != 200 || err != nil || i%2 == 0 && !strings.Contains(answer, "[DONE]") {
					t.Errorf("request %d: %d %v %s", n, status, err, answer)
					return
				}
			}
		})
	}
	for range 4 {
		if out, errOut, exit := l.manage(t, "good-key", "add", "gemini", "--base-url", l.sim+"/gemini", "--api-key", "-"); exit != 0 {
			t.Errorf("%d %s%s", exit, out, errOut)
		}
		if out, errOut, exit := l.manage(t, "", "remove", "gemini"); exit != 0 {
			t.Errorf("%d %s%s", exit, out, errOut)
		}
	}
	close(done)
	asking.Wait()
}
