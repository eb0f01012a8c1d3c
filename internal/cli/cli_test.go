package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.uber.org/goleak"

	"github.com/oidostudio/oido/internal/cli"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run runs the command line as the program does.
func run(t *testing.T, args ...string) (status int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	status = cli.Run(ctx, "v-test", args, &o, &e)
	return status, o.String(), e.String()
}

// commands are all of them, as they are typed.
var commands = [][]string{
	{"serve"},
	{"sim"},
	{"demo"},
	{"usage"},
	{"turns"},
	{"why"},
	{"workloads"},
	{"route"},
	{"route", "explain"},
	{"session", "show"},
	{"session", "switch"},
	{"models"},
	{"providers"},
	{"config"},
	{"config", "check"},
	{"config", "show"},
	{"config", "schema"},
	{"doctor"},
	{"chat"},
}

func TestEveryCommandHasHelp(t *testing.T) {
	for _, c := range append([][]string{{}}, commands...) {
		status, out, errOut := run(t, append(c, "--help")...)
		if status != 0 || errOut != "" || !strings.Contains(out, "Usage:\n  oido") {
			t.Errorf("%v: %d %q %q", c, status, out, errOut)
		}
	}
	_, out, _ := run(t, "--help")
	for _, c := range commands {
		if !strings.Contains(out, "\n  "+c[0]+" ") {
			t.Errorf("%s is not among the commands:\n%s", c[0], out)
		}
	}
	if status, out, _ := run(t, "--version"); status != 0 || !strings.Contains(out, "v-test") {
		t.Errorf("%d %q", status, out)
	}
}

func TestWhatIsTypedWrong(t *testing.T) {
	t.Setenv("OIDO_KEY", "")
	t.Setenv("OIDO_DATA_DIR", filepath.Join(t.TempDir(), "none"))
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"usages"}, "usage"}, // the nearest is named
		{[]string{"nothing-like-it"}, "no command"},
		{[]string{"config", "chek"}, "check"},
		{[]string{"providers", "frobnicate"}, "frobnicate"},
		{[]string{"usage", "--windw", "7d"}, "--windw"},
		{[]string{"turns", "--limit", "many"}, "--limit"},
		{[]string{"turns", "surplus"}, "surplus"},
		{[]string{"usage"}, "--key"}, // no key: where one comes from
		{[]string{"usage", "--key", "k", "--server", "http://127.0.0.1:1"}, "oido serve"},
		{[]string{"usage", "--key", "k", "--server", "::"}, "--server"},
		{[]string{"serve", "--config", "/does/not/exist.yaml"}, "/does/not/exist.yaml"},
		{[]string{"config", "check", "--body-limit", "huge"}, "body"},
		{[]string{"sim", "--listen", "nowhere"}, "nowhere"},
	} {
		status, out, errOut := run(t, c.args...)
		if status == 0 || status == 130 || out != "" || !strings.HasPrefix(errOut, "oido: ") || !strings.Contains(errOut, c.says) || strings.Contains(errOut, "goroutine") {
			t.Errorf("%v: %d, out %q, err %q", c.args, status, out, errOut)
		}
	}
}

func TestCompletions(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if status, out, errOut := run(t, "completion", shell); status != 0 || !strings.Contains(out, "oido") || errOut != "" {
			t.Errorf("%s: %d %.100q %q", shell, status, out, errOut)
		}
	}
	for typed, want := range map[string]string{"us": "usage", "mod": "models", "config sch": "schema", "usage --win": "--window"} {
		if status, out, _ := run(t, append([]string{"__complete"}, strings.Split(typed, " ")...)...); status != 0 || !strings.Contains(out, want) {
			t.Errorf("%q completes to %q", typed, out)
		}
	}
}

// answers are what a gateway says.
var answers = map[string]string{
	"/api/v1/usage":                `{"last_7_days":{"input_tokens":4820,"output_tokens":1240,"total_tokens":6060,"turns":83,"cost_usd":"1.250000000","unknown_cost_turns":2},"last_30_days":{"turns":90,"cost_usd":"2.000000000"},"by_model":[{"model":"claude-haiku-4-5","provider":"anthropic","name":"anthropic/claude-haiku-4-5","total_tokens":3100,"turns":72,"cost_usd":"1.000000000"},{"name":null,"other":3,"turns":11,"cost_usd":"0.250000000"}],"daily":[],"from":"2026-06-01","to":"2026-06-07"}`,
	"/api/v1/turns":                `{"data":[{"id":"turn-1","started_at":"2026-06-01T12:00:00Z","status":"ok","provider":"up","model":"m","input_tokens":3,"output_tokens":2,"cost_usd":null,"duration_ms":17}],"next_cursor":null}`,
	"/api/v1/models":               `{"data":[{"name":"up/m","tier":"fast","context":128000,"input_usd_per_million":"0.100000000","output_usd_per_million":null,"available":false,"why_not":"it is retired"}],"next_cursor":null}`,
	"/api/v1/sessions/s%2F1":       `{"id":"s/1","user":"ada","workload":"coding","provider":"up","model":"m","first_seen_at":"2026-06-01T12:00:00Z","last_seen_at":"2026-06-01T12:00:00Z","turns":3,"chosen":{"model":"up/big","by":"bob","at":"2026-06-01T12:00:00Z"},"data":[{"id":"turn-1","started_at":"2026-06-01T12:00:00Z","status":"ok","provider":"up","model":"m","cost_usd":null}],"next_cursor":null}`,
	"/api/v1/sessions/s%2F1/model": `{"id":"s/1","chosen":{"model":"up/big","by":"ada","at":"2026-06-01T12:00:00Z"}}`,
	"/api/v1/sessions":             `{"data":[{"id":"s/1"},{"id":"s2"}],"next_cursor":null}`,
	"/api/v1/providers":            `{"data":[{"name":"up","type":"openai","models":7,"models_listed_at":null,"problem":"no answer"}],"next_cursor":null}`,
}

func gateway(t *testing.T) (url string, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.Header.Get("Authorization")+" "+r.URL.String())
		if r.Header.Get("Authorization") != "Bearer good" {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"title":"Unauthorized","status":401,"detail":"this API key is not known here"}`)
			return
		}
		_, _ = io.WriteString(w, answers[r.URL.EscapedPath()])
	}))
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		s.Close()
	})
	return s.URL, asked
}

func TestSessions(t *testing.T) {
	url, asked := gateway(t)
	for command, shows := range map[string]string{
		"session show s/1":                    "up/big, chosen by bob",
		"session show s/1 --limit 3":          "turn-1",
		"session show s/1 --json":             `"next_cursor"`,
		"session switch s/1 up/big":           "s/1 stays on up/big",
		"session switch s/1 up/big --json":    `"chosen"`,
		"__complete session show --json ":     "s2",
		"__complete session switch s/1 ":      "up/m",
		"__complete session switch s/1 up/m ": ":4",
	} {
		args := append(strings.Split(command, " "), "--server", url, "--key", "good")
		if args[0] == "__complete" {
			args = append([]string{"__complete", args[1], args[2], "--server", url, "--key", "good"}, args[3:len(args)-4]...)
		}
		if status, out, errOut := run(t, args...); status != 0 || !strings.Contains(out, shows) {
			t.Errorf("%s: %d %q %q", command, status, out, errOut)
		}
	}
	if !slices.Contains(*asked, "Bearer good /api/v1/sessions/s%2F1?limit=3") {
		t.Errorf("asked %q", *asked)
	}
	for command, says := range map[string]string{
		"session switch s/1":              "--clear",
		"session switch s/1 up/m --clear": "--clear",
		"session show s/1 --limit 0":      "--limit",
		"session show":                    "session show --help",
	} {
		args := append(strings.Split(command, " "), "--server", url, "--key", "good")
		if status, _, errOut := run(t, args...); status != 2 || !strings.Contains(errOut, says) {
			t.Errorf("%s: %d %q", command, status, errOut)
		}
	}
}

func TestTablesAndJSON(t *testing.T) {
	url, asked := gateway(t)
	for command, shows := range map[string][]string{
		"usage":     {"last 7 days", "4820", "1.250000000", "anthropic/claude-haiku-4-5", "(3 others)"},
		"turns":     {"turn-1", "ok", "up/m", "17", " - "},
		"models":    {"up/m", "fast", "128000", "0.10", "it is retired"},
		"providers": {"up", "openai", "never", "no answer"},
	} {
		status, out, errOut := run(t, command, "--server", url+"/", "--key", "good")
		if status != 0 || errOut != "" || strings.Contains(out, "\x1b") {
			t.Errorf("%s: %d %q %q", command, status, out, errOut)
		}
		for _, s := range shows {
			if !strings.Contains(out, s) {
				t.Errorf("%s shows no %q:\n%s", command, s, out)
			}
		}
		status, out, errOut = run(t, command, "--json", "--server", url, "--key", "good")
		want := jsontext.Value(answers["/api/v1/"+command])
		got := jsontext.Value(out)
		if err := want.Canonicalize(); err != nil {
			t.Fatal(err)
		}
		if err := got.Canonicalize(); err != nil || status != 0 || errOut != "" || !bytes.Equal(got, want) {
			t.Errorf("%s: %d %v %s", command, status, err, out)
		}
		status, out, errOut = run(t, command, "--json", "--server", url, "--key", "bad")
		if status != 1 || out != "" || !strings.Contains(errOut, "this API key is not known here") {
			t.Errorf("%s with a bad key: %d %q %q", command, status, out, errOut)
		}
	}
	for _, end := range []string{"/v1", "/v1/"} {
		if status, _, errOut := run(t, "usage", "--server", url+end, "--key", "good"); status != 0 {
			t.Errorf("an SDK's base URL, %s: %d %s", end, status, errOut)
		}
	}
	*asked = nil
	t.Setenv("OIDO_URL", url)
	t.Setenv("OIDO_KEY", "good")
	if status, _, errOut := run(t, "usage", "--window", "30d", "--by", "agent,user"); status != 0 || len(*asked) != 1 || (*asked)[0] != "Bearer good /api/v1/usage?by=agent%2Cuser&window=30d" {
		t.Errorf("%d %q: %q", status, errOut, *asked)
	}
}

func TestNoModelIsSaid(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"data":[],"next_cursor":null}`)
	}))
	defer s.Close()
	defer http.DefaultClient.CloseIdleConnections()
	if status, out, errOut := run(t, "models", "haiku", "--server", s.URL, "--key", "good"); status != 0 || out != "" || !strings.Contains(errOut, "oido providers") {
		t.Errorf("%d %q %q", status, out, errOut)
	}
}

func TestTheKeyInTheDataFolder(t *testing.T) {
	url, asked := gateway(t)
	dir := t.TempDir()
	t.Setenv("OIDO_KEY", "")
	t.Setenv("OIDO_DATA_DIR", dir)
	if err := os.WriteFile(filepath.Join(dir, "admin.key"), []byte("good\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, _, errOut := run(t, "models", "--server", url); status != 0 || len(*asked) != 1 {
		t.Errorf("%d %q %q", status, errOut, *asked)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"a page": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"broken": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"data":[`)
		},
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"502":     func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) },
	} {
		s := httptest.NewServer(h)
		for _, flags := range [][]string{nil, {"--json"}} {
			status, out, errOut := run(t, append([]string{"turns", "--server", s.URL, "--key", "k"}, flags...)...)
			if status != 1 || out != "" || !strings.Contains(errOut, s.URL) {
				t.Errorf("%s %v: %d %q %q", name, flags, status, out, errOut)
			}
		}
		http.DefaultClient.CloseIdleConnections()
		s.Close()
	}
}

func TestConfigCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "oido.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("providers:\n  mine: {type: openai, base_url: http://127.0.0.1:9/v1, api_key: very-secret-key}\n")
	if status, out, errOut := run(t, "config", "check", "--config", file); status != 0 || !strings.Contains(out, "valid") || errOut != "" {
		t.Errorf("%d %q %q", status, out, errOut)
	}
	if status, out, _ := run(t, "config", "show", "--config", file); status != 0 || strings.Contains(out, "very-secret") || !strings.Contains(out, "http://127.0.0.1:9/v1") {
		t.Errorf("%d %q", status, out)
	}
	if status, out, _ := run(t, "config", "schema"); status != 0 || !jsontext.Value(out).IsValid() || !strings.Contains(out, `"providers"`) {
		t.Errorf("%d %.200q", status, out)
	}
	write("providers:\n  off: {type: openai, api_key: \"${NOT_SET_ANYWHERE}\"}\naliases: {a: nobody/x}\nclasses: {}\nbaseline: nobody/x\n")
	for _, flags := range [][]string{nil, {"--json"}} {
		status, out, errOut := run(t, append([]string{"config", "check", "--config", file}, flags...)...)
		for _, says := range []string{"expands to nothing", "aliases.a", "savings"} {
			if status != 0 || errOut != "" || strings.Count(out, says) != 1 {
				t.Errorf("%q is not said once: %d %q %q", says, status, out, errOut)
			}
		}
	}
	write("providers:\n  mine: {type: openai, api_kye: very-secret-key}\n")
	status, out, errOut := run(t, "config", "check", "--config", file)
	if status != 1 || out != "" || !strings.Contains(errOut, file+":2") || !strings.Contains(errOut, "api_key") || strings.Contains(errOut, "very-secret") {
		t.Errorf("%d %q %q", status, out, errOut)
	}
}

// started runs a command that serves, and returns where.
func started(t *testing.T, args ...string) (url string, stop func() (status int, errOut string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	var errOut bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- cli.Run(ctx, "v-test", args, w, &errOut)
		_ = w.Close()
	}()
	text := make([]byte, 4096)
	for !strings.Contains(url, "on http") {
		n, err := r.Read(text)
		if err != nil {
			cancel()
			t.Fatalf("%v ended: %d %s", args, <-done, &errOut)
		}
		url += string(text[:n])
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	_, url, _ = strings.Cut(url, " on http")
	return "http" + strings.TrimSpace(url), func() (int, string) {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		return <-done, errOut.String()
	}
}

// TestServeChatAndDoctor goes the way of the first five minutes: start, ask, look.
func TestServeChatAndDoctor(t *testing.T) {
	sim, stopSim := started(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	file := filepath.Join(dir, "oido.yaml")
	const key = "cli-key-of-twenty-four-characters"
	text := fmt.Sprintf("keys: [{key: %s, org: acme, user: ada, role: admin}]\nproviders:\n  up: {type: openai, base_url: %q, api_key: k, formats: [chat]}\n", key, sim+"/openai/v1")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	url, stop := started(t, "serve", "--config", file, "--data-dir", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0")
	root := cli.New("v-test")
	var out, errOut bytes.Buffer
	root.SetIn(strings.NewReader("hello\n\nand again\n"))
	root.SetOut(&out)
	root.SetErr(&errOut)
	root.SetArgs([]string{"chat", "--model", "up/sim", "--agent", "tester", "--server", url, "--key", key})
	if err := root.ExecuteContext(t.Context()); err != nil || errOut.Len() > 0 || strings.HasPrefix(out.String(), "> ") || out.Len() < 30 {
		t.Errorf("%v %q %q", err, &out, &errOut)
	}
	for _, flags := range [][]string{{"--model", "up/none", "--key", "nobody-knows-this-key-at-all"}, {"--model", "other/none", "--key", key}} {
		root := cli.New("v-test")
		root.SetIn(strings.NewReader("hello\n"))
		root.SetOut(io.Discard)
		root.SetArgs(append([]string{"chat", "--server", url}, flags...))
		if err := root.ExecuteContext(t.Context()); err == nil || len(err.Error()) < 20 {
			t.Errorf("%v: %v", flags, err)
		}
	}
	status, doctor, problems := run(t, "doctor", "--config", file, "--data-dir", filepath.Join(dir, "data"), "--listen", strings.TrimPrefix(url, "http://"))
	if !strings.Contains(doctor, "provider up: its key is taken") || !strings.Contains(doctor, "a gateway runs there") || status != 0 && !strings.Contains(doctor, "WRONG  data folder") {
		t.Errorf("%d %s %s", status, doctor, problems)
	}
	if status, text := stop(); status != 0 {
		t.Errorf("serve ended with %d: %s", status, text)
	}
	if status, text := stopSim(); status != 0 && status != 130 {
		t.Errorf("sim ended with %d: %s", status, text)
	}
	// Nothing serves any more: doctor says so, and what the provider's address does.
	status, doctor, _ = run(t, "doctor", "--config", file, "--data-dir", filepath.Join(dir, "data"), "--listen", strings.TrimPrefix(url, "http://"))
	if status != 1 || !strings.Contains(doctor, "no gateway runs there") || !strings.Contains(doctor, "WRONG  provider up") {
		t.Errorf("%d %s", status, doctor)
	}
}

// TestHangUpReadsTheConfigurationAnew: the file is as it was, what it refers to
// is not.
func TestHangUpReadsTheConfigurationAnew(t *testing.T) {
	const before, after = "first-key-of-twenty-four-characters", "second-key-of-twenty-four-characters"
	held := make(chan os.Signal, 1) // a signal that serve doesn't take must not end the test's process
	signal.Notify(held, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(held) })
	file := filepath.Join(t.TempDir(), "oido.yaml")
	if err := os.WriteFile(file, []byte("keys: [{key: \"${A_KEY}\", org: acme, user: ada, role: admin}]\nproviders: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("A_KEY", before)
	url, stop := started(t, "serve", "--config", file, "--data-dir", t.TempDir(), "--listen", "127.0.0.1:0")
	if status, _, errOut := run(t, "models", "--server", url, "--key", before); status != 0 {
		t.Errorf("before: %d %s", status, errOut)
	}
	t.Setenv("A_KEY", after)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	taken := false
	for end := time.Now().Add(10 * time.Second); !taken && time.Now().Before(end); {
		status, _, _ := run(t, "models", "--server", url, "--key", after)
		taken = status == 0
	}
	if status, _, _ := run(t, "models", "--server", url, "--key", before); !taken || status == 0 {
		t.Errorf("after SIGHUP: the new key taken %v, the old one's status %d", taken, status)
	}
	if status, text := stop(); status != 0 {
		t.Errorf("serve ended with %d: %s", status, text)
	}
}

// TestTheDemoSaysThatItIsOne: its traffic comes in every format, some of it fails,
// some of it falls over when a provider is out, and no row of it can be taken for a
// real provider's.
func TestTheDemoSaysThatItIsOne(t *testing.T) {
	url, stop := started(t, "demo", "--listen", "127.0.0.1:0")
	formats, statuses, fellOver := map[string]bool{}, map[string]bool{}, ""
	for end := time.Now().Add(30 * time.Second); len(formats) < 4 || len(statuses) < 2 || fellOver == ""; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("formats %v, statuses %v, fell over %q", formats, statuses, fellOver)
		}
		status, out, errOut := run(t, "turns", "--json", "--limit", "50", "--server", url, "--key", "oido-demo-key-for-simulated-providers")
		var list struct {
			Data []struct {
				ID       string  `json:"id"`
				Provider string  `json:"provider"`
				Format   string  `json:"format"`
				Status   string  `json:"status"`
				Model    string  `json:"model"`
				Workload *string `json:"workload"`
				Attempts int     `json:"attempts"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(out), &list); err != nil || status != 0 {
			t.Fatalf("%d %v %s", status, err, errOut)
		}
		for _, turn := range list.Data {
			formats[turn.Format], statuses[turn.Status] = true, true
			if turn.Workload != nil && *turn.Workload == "support" && turn.Status == "ok" && turn.Attempts == 2 {
				fellOver = turn.ID
			}
			if !strings.HasPrefix(turn.Provider, "sim-") || (turn.Status == "error") != (turn.Model == "sim-e500") {
				t.Errorf("%+v", turn)
			}
		}
	}
	at := []string{"--server", url, "--key", "oido-demo-key-for-simulated-providers"}
	if status, out, errOut := run(t, append([]string{"why", fellOver}, at...)...); status != 0 || !strings.Contains(out, "(overloaded), so sim-anthropic/") {
		t.Errorf("%d %s%s", status, out, errOut)
	}
	if status, out, errOut := run(t, append([]string{"turns", "--workload", "support"}, at...)...); status != 0 || !strings.Contains(out, "WORKLOAD  MODEL ") || !strings.Contains(out, " ATTEMPTS ") {
		t.Errorf("%d %s%s", status, out, errOut)
	}
	if status, text := stop(); status != 0 || text != "" {
		t.Errorf("demo ended with %d: %s", status, text)
	}
}

func TestACertificateIsLookedAtBeforeItIsServedWith(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"cert.pem", "key.pem"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("not a certificate"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, cert := range []string{"cert.pem", "none.pem"} {
		status, out, errOut := run(t, "serve", "--data-dir", filepath.Join(dir, "data"), "--listen", "127.0.0.1:0",
			"--tls-cert", filepath.Join(dir, cert), "--tls-key", filepath.Join(dir, "key.pem"))
		if status != 1 || out != "" || !strings.Contains(errOut, "tls.cert") {
			t.Errorf("%s: %d %q %q", cert, status, out, errOut)
		}
	}
}

// TestAServerThatCannotStartLeavesNothing: no folder, no key, and a word on what
// to do instead.
func TestAServerThatCannotStartLeavesNothing(t *testing.T) {
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	dir := t.TempDir()
	data, blocked := filepath.Join(dir, "data"), filepath.Join(dir, "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--listen", taken.Listener.Addr().String(), "--data-dir", data}, "--listen"},
		{[]string{"--listen", "127.0.0.1:0", "--data-dir", blocked}, "--data-dir"},
		{[]string{"--listen", "127.0.0.1:0", "--data-dir", filepath.Join(blocked, "below")}, "--data-dir"},
	} {
		if status, out, errOut := run(t, append([]string{"serve"}, c.args...)...); status != 1 || out != "" || !strings.Contains(errOut, c.says) {
			t.Errorf("%v: %d %q %q", c.args, status, out, errOut)
		}
	}
	if _, err := os.Stat(data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a server that could not listen made its data folder: %v", err)
	}
}

// TestTheLogIsOneFormat: what a configuration asks for in vain stands in the log,
// readable as all of it.
func TestTheLogIsOneFormat(t *testing.T) {
	file := filepath.Join(t.TempDir(), "oido.yaml")
	text := "log: {format: json}\nkeys: [{key: \"${NOT_SET}\", user: ada}]\nproviders: {}\ncors_origins: [\"https://app.example\"]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stop := started(t, "serve", "--config", file, "--data-dir", t.TempDir(), "--listen", "127.0.0.1:0")
	_, log := stop()
	for line := range strings.Lines(log) {
		if !jsontext.Value(line).IsValid() {
			t.Errorf("not JSON: %s", line)
		}
	}
	for _, says := range []string{"expands to nothing", "cors_origins", "no provider is connected"} {
		if strings.Count(log, says) != 1 {
			t.Errorf("%q is not said once in\n%s", says, log)
		}
	}
}

func TestDoctorLooksWhereTheFirstStartWould(t *testing.T) {
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "oido.yaml")
	if err := os.WriteFile(file, []byte("providers: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args  []string
		shows string
	}{
		{[]string{"--config", file, "--data-dir", filepath.Join(dir, "a", "b", "c")}, "a/b/c: can be written"},
		{[]string{"--data-dir", filepath.Join(dir, "a"), "--provider", "nobody-has-this"}, "WRONG  provider nobody-has-this: is not connected"},
	} {
		status, out, _ := run(t, append([]string{"doctor", "--no-call", "--listen", "127.0.0.1:0"}, c.args...)...)
		if status != 1 || !strings.Contains(out, c.shows) {
			t.Errorf("%v: %d\n%s", c.args, status, out)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("doctor leaves %v (%v)", left, err)
	}
}
