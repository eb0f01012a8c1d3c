// Package gosdk runs the providers' own Go SDKs: as clients of the built binary in
// front of simulated providers of every kind, and as clients of the simulated
// clouds, whose identities and envelopes they know best. It is a module of its own,
// so that the product depends on no SDK.
//
// It promises that every check of the table ran with every SDK in front of every
// kind of provider, and it reaches the program by nothing but its flags, its port
// and its output.
package gosdk

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"go.uber.org/goleak"
)

const key = "gosdk-key-of-twenty-four-characters"

// upstreams are the kinds of providers, by the format that they are called in.
var upstreams = []string{"chat", "messages", "responses", "gemini"}

var binary string

func TestMain(m *testing.M) {
	os.Exit(build(m))
}

// waiting is how many tests wait at a time, whatever the number of processors.
const waiting = "64"

func build(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", waiting); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	log.SetOutput(io.Discard) // an SDK logs what it also returns
	dir, err := os.MkdirTemp("", "oido-gosdk-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "oido")
	cmd := exec.Command("go", "build", "-o", binary, "./cmd/oido")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	status := m.Run()
	http.DefaultClient.CloseIdleConnections()
	// A worker that a dependency starts when it is loaded never ends.
	if err := goleak.Find(goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start")); err != nil && status == 0 {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

// start runs the binary until the test ends, and returns where it serves.
func start(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Dir = t.TempDir()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Env = []string{"HOME=" + cmd.Dir, "PATH=" + os.Getenv("PATH")}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found, ended := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if _, url, ok := strings.Cut(lines.Text(), " on http"); ok {
				found <- "http" + url
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		late := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		<-ended
		_ = cmd.Wait()
		late.Stop()
	})
	select {
	case url := <-found:
		return url
	case <-ended:
		_ = cmd.Wait()
		t.Fatalf("%v ended: %s", args, &stderr)
	case <-time.After(20 * time.Second):
		t.Fatalf("%v does not say where it serves", args)
	}
	return ""
}

// lab is a gateway in front of simulated providers.
type lab struct{ url, sim string }

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{sim: start(t, "sim", "--listen", "127.0.0.1:0")}
	config := filepath.Join(t.TempDir(), "oido.yaml")
	text := fmt.Sprintf(`keys: [{key: %s, org: acme, user: ada, role: admin}]
providers:
  chat:      {type: openai, base_url: "%[2]s/openai/v1", api_key: k, formats: [chat]}
  messages:  {type: anthropic, base_url: "%[2]s/anthropic", api_key: k}
  responses: {type: openai, base_url: "%[2]s/openai/v1", api_key: k, formats: [responses]}
  gemini:    {type: gemini, base_url: "%[2]s/gemini", api_key: k}
`, key, l.sim)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	l.url = start(t, "serve", "--config", config, "--data-dir", t.TempDir(), "--listen", "127.0.0.1:0")
	return l
}

// fetch asks for something and decodes what comes into out, if that isn't nil.
func fetch(ctx context.Context, method, url string, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, url, resp.Status)
	}
	if out == nil {
		return nil
	}
	return json.UnmarshalRead(resp.Body, out)
}

// sent is a request that the simulated providers received.
type sent struct {
	Model string `json:"model"`
	Body  string `json:"body"`
}

// received is what the simulated providers were sent for a model while work ran,
// once that are count requests: they note them when they are answered.
func (l *lab) received(t *testing.T, model string, count int, work func()) []sent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := fetch(ctx, http.MethodDelete, l.sim+"/sim/requests", nil); err != nil {
		t.Fatal(err)
	}
	work()
	for {
		var all, of []sent
		if err := fetch(ctx, http.MethodGet, l.sim+"/sim/requests", &all); err != nil {
			t.Fatalf("waiting for %d requests for %s: %v", count, model, err)
		}
		for _, s := range all {
			if s.Model == model {
				of = append(of, s)
			}
		}
		if len(of) >= count {
			return of
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// turn is a row of the books.
type turn struct {
	Status    string `json:"status"`
	Provider  string `json:"provider"`
	Requested string `json:"requested_model"`
	Stream    bool   `json:"stream"`
	Input     int64  `json:"input_tokens"`
	Cached    int64  `json:"cache_read_tokens"`
	Output    int64  `json:"output_tokens"`
	Reasoning int64  `json:"reasoning_tokens"`
	Quality   string `json:"usage_quality"`
}

// recorded waits for the newest turn to be the one that good says it is.
func (l *lab) recorded(t *testing.T, good func(turn) bool) turn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var newest turn
	for {
		var list struct {
			Data []turn `json:"data"`
		}
		if err := fetch(ctx, http.MethodGet, l.url+"/api/v1/turns?limit=1", &list); err != nil {
			t.Fatalf("the newest turn is %+v: %v", newest, err)
		}
		if len(list.Data) == 1 {
			if newest = list.Data[0]; good(newest) {
				return newest
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}
