package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// outage is a way in which a provider fails before its answer has begun, and what
// the attempt is recorded to have failed of.
type outage struct {
	name          string
	whole, stream string   // the script; "" is not played so
	account       string   // what the account's name ends in
	kinds         []string // one of these
}

var outages = []outage{
	{"429 that says when", "e429-ra7", "e429-ra7", "", []string{"rate_limit"}},
	{"429", "e429", "e429", "", []string{"rate_limit"}},
	{"spend limit", "quota", "quota", "", []string{"quota"}},
	{"401", "e401", "e401", "", []string{"auth"}},
	{"402", "e402", "e402", "", []string{"quota", "permission"}},
	{"403", "e403", "e403", "", []string{"permission"}},
	{"500", "e500", "e500", "", []string{"upstream"}},
	{"529", "e529", "e529", "", []string{"overloaded"}},
	{"reset", "reset", "reset", "", []string{"upstream"}},
	{"refused", "n2", "n2", "-closed", []string{"upstream"}},
	{"hang before headers", "hang", "hang", "-hasty", []string{"timeout"}},
	{"hang after headers", "stall", "stall", "-hasty", []string{"timeout"}},
	{"crawl", "crawl", "crawl", "-hasty", []string{"timeout"}},
	{"error under 200", "err0", "err0", "", []string{"upstream"}},
	{"overload under 200", "e529-err0", "e529-err0", "", []string{"overloaded", "upstream"}},
	{"malformed", "bad0", "bad0", "", []string{"upstream"}},
	{"cut", "cut0", "cut0", "", []string{"truncated"}},
	{"no end", "", "end0", "", []string{"truncated"}},
	{"empty", "empty", "empty", "", []string{"upstream"}},
	{"no choices", "none", "none", "", []string{"upstream", "truncated"}},
	{"another shape", "odd", "odd", "", []string{"upstream", "truncated"}},
	{"a web page", "site", "site", "", []string{"upstream"}},
	{"a broken proxy", "html", "html", "", []string{"upstream"}},
}

// hollow are the answers that are passed on as they are when all else fails.
var hollow = []string{"empty", "none"}

// chained is a call that goes over a chain of three, of which some fail.
type chained struct {
	alias  string
	who    string
	client *dialect
	stream bool
	chain  []string // provider/model
	kinds  [][]string
	// breaks says that the first one breaks off when its answer has begun.
	breaks bool
}

// answering is the place of the one that answers; len(chain): none does.
func (c *chained) answering() int {
	if i := slices.IndexFunc(c.kinds, func(k []string) bool { return k == nil }); i >= 0 {
		return i
	}
	return len(c.chain)
}

// relay are the accounts that chains are made of, a format each.
var relay = []string{"chat", "messages", "responses", "gemini", "converse", "openrouter"}

// chains are all calls of the test, each with models of its own, so that none rests
// for what another one met.
func chains() (all []*chained) {
	model := 0
	add := func(who string, client *dialect, stream bool, steps ...outage) *chained {
		c := &chained{alias: fmt.Sprintf("chain-%d", len(all)), who: who, client: client, stream: stream}
		for i, s := range steps {
			model++
			script := s.whole
			if stream {
				script = s.stream
			}
			c.chain = append(c.chain, fmt.Sprintf("%s%s/sim-b%d-%s", relay[(len(all)+i)%len(relay)], s.account, 16+model, script))
			c.kinds = append(c.kinds, s.kinds)
		}
		all = append(all, c)
		return c
	}
	well := outage{whole: "n6", stream: "n6"}
	busy := outage{whole: "e503", stream: "e503", kinds: []string{"overloaded"}}
	for _, o := range outages {
		for _, stream := range []bool{false, true} {
			if stream && o.stream == "" || !stream && o.whole == "" {
				continue
			}
			for i := range dialects {
				d := &dialects[i]
				who := fmt.Sprintf("%s, %s, stream %t", o.name, d.name, stream)
				add(who+", first", d, stream, o, well, well)
				add(who+", middle", d, stream, busy, o, well)
				add(who+", last", d, stream, well, well, o)
				if !slices.Contains(hollow, o.whole) {
					add(who+", all", d, stream, o, busy, o)
				}
			}
		}
	}
	for _, script := range []string{"n9-cut3", "n9-err3", "n9-end3"} {
		for i := range dialects {
			broken := outage{stream: script, kinds: []string{"truncated", "upstream"}}
			add(script+", "+dialects[i].name, &dialects[i], true, broken, well, well).breaks = true
		}
	}
	return all
}

// TestFailover has the providers of a chain fail in every way, in every place and
// for clients of every format: while one of them lives, the client gets one clean
// answer, and the ledger knows of every attempt.
func TestFailover(t *testing.T) {
	t.Parallel()
	all := chains()
	l := newRelay(t, all)
	t.Run("cases", func(t *testing.T) {
		work := make(chan *chained)
		var workers sync.WaitGroup
		for range 16 {
			workers.Go(func() {
				for c := range work {
					c.run(t, l)
				}
			})
		}
		for _, c := range all {
			work <- c
		}
		close(work)
		workers.Wait()
	})
	if rows := l.ledger(t, len(all)); len(rows) != len(all) {
		t.Errorf("%d turns in the ledger, %d were made", len(rows), len(all))
	}
}

// TestAWorkloadsPatience has workloads say how long an answer may take to begin and to
// stand still, and how often a call is tried.
func TestAWorkloadsPatience(t *testing.T) {
	t.Parallel()
	l := newRelay(t, nil)
	config, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	l.stop()
	more := `  placeholder: chat/sim-n2
workloads:
  soon:   {chain: [chat/sim-hang, messages/sim-n2], timeout: {first_byte: 300ms}}
  flowing: {chain: [chat/sim-stall, messages/sim-n2], timeout: {idle: 300ms}}
  short:  {chain: [chat/sim-b99-hang, messages/sim-n2], timeout: 300ms}
  stubborn: {chain: [chat/sim-b17-n2], retry: {attempts: 4}}
  once:   {chain: [chat/sim-b18-n2], retry: {attempts: 1}}
`
	if err := os.WriteFile(l.config, append(config, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, model := range []string{"sim-b17-n2", "sim-b18-n2"} {
		l.script(t, model, "e503", "reset", "e500")
	}
	l.up(t)
	for _, c := range []struct {
		workload         string
		status, attempts int
	}{{"soon", 200, 2}, {"flowing", 200, 2}, {"short", 504, 1}, {"stubborn", 200, 4}, {"once", 503, 1}} {
		x := l.send(t, &chatDialect, ask{model: "workload/" + c.workload, stream: true, said: []said{{text: question}}}, nil)
		if x.status != c.status || x.broken != nil || x.header.Get("X-Oido-Attempts") != strconv.Itoa(c.attempts) || x.header.Get("X-Oido-Workload") != c.workload {
			t.Errorf("%s: %d in %s attempts, %v %s", c.workload, x.status, x.header.Get("X-Oido-Attempts"), x.broken, x.body)
		}
	}
}

// newRelay is a gateway with accounts in every format, each of them also without
// patience and at an address where nobody listens.
func newRelay(t *testing.T, all []*chained) *lab {
	t.Helper()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data"), sim: sim.url}
	var config strings.Builder
	fmt.Fprintf(&config, "keys: [{key: %s, org: acme, user: ada, role: admin}]\nproviders:\n", key)
	for _, a := range []struct{ suffix, at, more string }{
		{"", sim.url, ""}, {"-hasty", sim.url, ", timeout: {first_byte: 400ms, idle: 400ms}"}, {"-closed", "http://127.0.0.1:1", ""},
	} {
		fmt.Fprintf(&config, `  chat%[1]s: {type: openai, base_url: "%[2]s/openai/v1", api_key: k, formats: [chat]%[3]s}
  messages%[1]s: {type: anthropic, base_url: "%[2]s/anthropic", api_key: k%[3]s}
  responses%[1]s: {type: openai, base_url: "%[2]s/openai/v1", api_key: k, formats: [responses]%[3]s}
  gemini%[1]s: {type: gemini, base_url: "%[2]s/gemini", api_key: k%[3]s}
  converse%[1]s: {type: bedrock, base_url: "%[2]s/bedrock", region: us-east-1, api_key: k%[3]s}
  openrouter%[1]s: {type: openrouter, base_url: "%[2]s/openrouter/api/v1", api_key: k, formats: [chat]%[3]s}
`, a.suffix, a.at, a.more)
	}
	config.WriteString("aliases:\n")
	for _, c := range all {
		fmt.Fprintf(&config, "  %s: [%s]\n", c.alias, strings.Join(c.chain, ", "))
	}
	if err := os.WriteFile(l.config, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	return l
}

// run makes the call and checks what the client and the ledger are told.
func (c *chained) run(t *testing.T, l *lab) {
	x := l.send(t, c.client, ask{model: c.alias, stream: c.stream, said: []said{{text: question}}}, http.Header{"X-Oido-Session": {c.alias}})
	at := c.answering()
	fault := func(format string, args ...any) {
		t.Errorf("%s (%v): %s: %d %v %.600s", c.who, c.chain, fmt.Sprintf(format, args...), x.status, x.broken, x.body)
	}
	var used *usage
	switch r, err := c.client.understand(x, c.stream); {
	case c.breaks:
		at = 0
		if err != nil || x.broken == nil || r.ended || r.fault == nil || r.fault.message == "" || r.text == "" {
			fault("not cut: %+v, %v", r, err)
		}
	case at == len(c.chain):
		at--
		c.refused(x, fault)
	case err != nil || x.broken != nil || r.fault != nil || r.finish != finishStop || r.usage == nil || r.text == "":
		fault("%+v, %v", r, err)
	default:
		used = r.usage
		if _, model, _ := strings.Cut(c.chain[at], "/"); r.model != model {
			fault("the answer names %s", r.model)
		}
	}
	want := [...]string{c.chain[at], strconv.Itoa(at + 1), strconv.FormatBool(at > 0)}
	if h := x.header; [...]string{h.Get("X-Oido-Provider") + "/" + h.Get("X-Oido-Model"), h.Get("X-Oido-Attempts"), h.Get("X-Oido-Fallback")} != want {
		fault("headers %v, want %v", h, want)
	}
	c.recorded(t, l, x, at, used)
}

// refused checks the answer to a call that no candidate could serve: a line for
// each in the caller's format.
func (c *chained) refused(x exchange, fault func(string, ...any)) {
	f, err := c.client.refused(x.body)
	if err != nil || x.broken != nil || x.status != http.StatusServiceUnavailable || x.header.Get("Retry-After") == "" {
		fault("%+v, %v, %v", f, err, x.header)
		return
	}
	for _, name := range c.chain {
		if !strings.Contains(f.message, "\n- "+name+": ") {
			fault("nothing is said of %s", name)
		}
	}
}

// recorded checks what the ledger knows of the call.
func (c *chained) recorded(t *testing.T, l *lab, x exchange, at int, used *usage) {
	var turn struct {
		row
		Model    string `json:"model"`
		Attempts []struct {
			row
			Model string `json:"model"`
			Kind  string `json:"error_kind"`
		} `json:"attempt_list"`
	}
	l.recorded(t, x.header.Get("X-Oido-Turn"), &turn)
	answered := used != nil
	status := map[bool]string{true: "ok", false: "error"}
	end := status[answered]
	if c.breaks {
		end = "cut"
	}
	if turn.Status != end || turn.Provider+"/"+turn.Model != c.chain[at] || len(turn.Attempts) != at+1 {
		t.Errorf("%s (%v): recorded %+v", c.who, c.chain, turn)
		return
	}
	for i, a := range turn.Attempts {
		good := answered && i == at
		want := status[good]
		if c.breaks {
			want = "cut"
		}
		if a.Provider+"/"+a.Model != c.chain[i] || a.Status != want || !good && !slices.Contains(c.kinds[i], a.Kind) || good && a.Kind != "" {
			t.Errorf("%s (%v): attempt %d: %+v, want %v", c.who, c.chain, i, a, c.kinds[i])
		}
		if good && used.within(a.usage()) != a.usage() {
			t.Errorf("%s (%v): the client was told %+v, attempt %d used %+v", c.who, c.chain, *used, i, a.usage())
		}
	}
}
