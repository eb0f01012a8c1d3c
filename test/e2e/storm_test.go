package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// The size of a storm.
const (
	stormChains   = 24
	stormWaves    = 4
	stormRequests = 10_000
	stormWorkers  = 24
)

// stormFaults are what the providers of a storm meet before an answer has begun, ""
// is nothing. Those of slowFaults take their time, and are met only where no
// patience is.
var (
	stormFaults = strings.Fields(`ok ok ok ok ok ok e401 e402 e403 e429 e429-ra1 e429-ra30 e500 e502 e503 e529 quota reset
		err0 e529-err0 bad0 cut0 end0 empty none odd site html`)
	slowFaults = strings.Fields("hang stall crawl")
)

// stormy is a chain of a storm.
type stormy struct {
	models []string // provider/model
	// living is the place of the one that works in this wave, hasty of the one
	// without patience.
	living, hasty int
}

// TestAStorm has all candidates of a chain but one fail at random, another one in
// every wave, while breakers open and keys rest: every request is answered, and the
// ledger knows of every token.
func TestAStorm(t *testing.T) {
	t.Parallel()
	const seed = 20261125
	rnd := rand.New(rand.NewPCG(seed, 1))
	l, chains := newStorm(t, rnd)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: stormWorkers}}
	defer client.CloseIdleConnections()
	told := map[string]usage{} // by turn
	several := []string{}      // turns of several attempts
	var mu sync.Mutex          // protects them
	for wave := range stormWaves {
		for i := range chains {
			chains[i].turn(t, l, rnd)
		}
		work := make(chan uint64)
		var workers sync.WaitGroup
		for range stormWorkers {
			workers.Go(func() {
				for n := range work {
					own := rand.New(rand.NewPCG(seed, n))
					c := own.IntN(len(chains))
					d, stream := &dialects[own.IntN(len(dialects))], own.IntN(2) == 0
					id, attempts, u, err := l.weather(t.Context(), client, d, fmt.Sprintf("storm-%d", c), chains[c].models, stream)
					if err != nil {
						t.Errorf("wave %d, %s, stream %t, %v, living %d: %v", wave, d.name, stream, chains[c].models, chains[c].living, err)
						continue
					}
					mu.Lock()
					if told[id] = u; attempts != "1" {
						several = append(several, id)
					}
					mu.Unlock()
				}
			})
		}
		for n := range stormRequests / stormWaves {
			work <- uint64(wave*stormRequests + n + 1)
		}
		close(work)
		workers.Wait()
		if t.Failed() {
			return
		}
	}
	if len(told) != stormRequests || len(several) < stormRequests/20 {
		t.Fatalf("%d turns, %d of several attempts", len(told), len(several))
	}
	rows := l.ledger(t, stormRequests)
	if len(rows) != stormRequests {
		t.Errorf("%d turns in the ledger", len(rows))
	}
	checkRollUps(t, l, rows)
	for id, u := range told {
		r := rows[id]
		once := !slices.Contains(several, id)
		if r.Status != "ok" || r.Output < u.output || r.Input < u.input || once && u.within(r.usage()) != r.usage() {
			t.Errorf("turn %s: %+v, the client was told %+v", id, r, u)
		}
	}
	for _, id := range several[:300] {
		l.settled(t, id, told[id])
	}
}

// newStorm is a gateway with several keys an account, and chains of three or four.
func newStorm(t *testing.T, rnd *rand.Rand) (*lab, []stormy) {
	t.Helper()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data"), sim: sim.url}
	var config strings.Builder
	fmt.Fprintf(&config, "keys: [{key: %s, org: acme, user: ada, role: admin}]\nproviders:\n", key)
	for _, more := range []string{"", "-hasty"} {
		keys := "api_keys: [one-key, two-key, three-key]"
		if more != "" {
			keys = "api_keys: [one-key, two-key], timeout: {first_byte: 150ms, idle: 150ms}"
		}
		fmt.Fprintf(&config, `  chat%[1]s: {type: openai, base_url: "%[2]s/openai/v1", %[3]s, formats: [chat]}
  messages%[1]s: {type: anthropic, base_url: "%[2]s/anthropic", %[3]s}
  responses%[1]s: {type: openai, base_url: "%[2]s/openai/v1", %[3]s, formats: [responses]}
  gemini%[1]s: {type: gemini, base_url: "%[2]s/gemini", %[3]s}
  converse%[1]s: {type: bedrock, base_url: "%[2]s/bedrock", region: us-east-1, %[3]s}
  openrouter%[1]s: {type: openrouter, base_url: "%[2]s/openrouter/api/v1", %[3]s, formats: [chat]}
`, more, sim.url, keys)
	}
	config.WriteString("aliases:\n")
	chains := make([]stormy, stormChains)
	for i := range chains {
		c := &chains[i]
		at := rnd.Perm(len(relay))[:3+rnd.IntN(2)]
		c.hasty = rnd.IntN(len(at))
		for j, a := range at {
			account := relay[a]
			if j == c.hasty {
				account += "-hasty"
			}
			c.models = append(c.models, fmt.Sprintf("%s/sim-n2-b%d", account, 16+10*i+j))
		}
		fmt.Fprintf(&config, "  storm-%d: [%s]\n", i, strings.Join(c.models, ", "))
	}
	if err := os.WriteFile(l.config, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	return l, chains
}

// turn has another candidate work, and all others meet what comes.
func (c *stormy) turn(t *testing.T, l *lab, rnd *rand.Rand) {
	t.Helper()
	for was := c.living; c.living == was || c.living == c.hasty; {
		c.living = rnd.IntN(len(c.models))
	}
	for i, name := range c.models {
		_, model, _ := strings.Cut(name, "/")
		if i == c.living {
			l.script(t, model)
			continue
		}
		faults := make([]string, 600)
		for j := range faults {
			faults[j] = stormFaults[rnd.IntN(len(stormFaults))]
			if i == c.hasty && rnd.IntN(8) == 0 {
				faults[j] = slowFaults[rnd.IntN(len(slowFaults))]
			}
		}
		l.script(t, model, faults...)
	}
}

// weather makes one request of a storm, which must be answered by one of the models.
func (l *lab) weather(ctx context.Context, client *http.Client, d *dialect, alias string, models []string, stream bool) (id, attempts string, u usage, err error) {
	path, body := d.request(ask{model: alias, stream: stream, said: []said{{text: question}}})
	doc, err := json.Marshal(body)
	if err != nil {
		return "", "", u, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+path, bytes.NewReader(doc))
	if err != nil {
		return "", "", u, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := client.Do(req)
	if err != nil {
		return "", "", u, err
	}
	defer resp.Body.Close()
	x := exchange{status: resp.StatusCode, header: resp.Header}
	x.body, x.broken = io.ReadAll(resp.Body)
	r, err := d.understand(x, stream)
	if err = errors.Join(err, x.broken); err != nil {
		return "", "", u, fmt.Errorf("%w: %.900s", err, x.body)
	}
	h := x.header
	at := slices.Index(models, h.Get("X-Oido-Provider")+"/"+h.Get("X-Oido-Model"))
	if r.fault != nil || r.finish != finishStop || r.text == "" || r.usage == nil || at < 0 || !strings.HasSuffix(models[at], "/"+r.model) {
		return "", "", u, fmt.Errorf("%+v from %v: %s", r, h, x.body)
	}
	return h.Get("X-Oido-Turn"), h.Get("X-Oido-Attempts"), *r.usage, nil
}

// settled checks a turn of several attempts: the last one answered with what the
// client was told, and all before it failed.
func (l *lab) settled(t *testing.T, id string, told usage) {
	t.Helper()
	var turn struct {
		row
		Attempts []struct {
			row
			Kind string `json:"error_kind"`
		} `json:"attempt_list"`
	}
	l.recorded(t, id, &turn)
	last := len(turn.Attempts) - 1
	sum := usage{}
	for i, a := range turn.Attempts {
		u := a.usage()
		sum = usage{sum.input + u.input, sum.cached + u.cached, sum.written + u.written, sum.output + u.output, sum.reasoning + u.reasoning}
		if (i == last) != (a.Status == "ok") || (i == last) != (a.Kind == "") {
			t.Errorf("turn %s, attempt %d: %+v", id, i, a)
		}
	}
	if last < 1 || told.within(turn.Attempts[last].usage()) != turn.Attempts[last].usage() || sum != turn.usage() {
		t.Errorf("turn %s: %+v, the client was told %+v", id, turn, told)
	}
}
