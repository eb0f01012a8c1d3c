package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

// newRouteLab is a lab whose configuration has chains, workloads and prices.
func newRouteLab(t *testing.T) *lab {
	t.Helper()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data"), sim: sim.url}
	config := fmt.Sprintf(`body_limit: 64KiB
keys:
  - {key: %s, org: acme, user: ada, role: admin}
  - {key: %s, org: acme, user: bob, role: member}
  - {key: %s, org: globex, user: eve, role: admin}
providers:
  first:
    type: openai
    base_url: "%[4]s/openai/v1"
    api_key: k
    formats: [chat]
    models:
      - {id: sim-e500, context: 100000, price: {input: 1, output: 2}}
      - {id: sim-e529-n4, context: 100000}
      - {id: small, context: 2000, price: {input: 0.1, output: 0.2}}
      - {id: plain, context: 100000, tools: false}
  second:
    type: anthropic
    base_url: "%[4]s/anthropic"
    api_key: k
    models: [{id: sim, context: 200000, price: {input: 3, output: 15}}]
  private: {type: gemini, base_url: "%[4]s/gemini", api_key: k, orgs: [globex]}
workloads:
  support: {class: interactive, chain: [first/small, first/sim-e500, second/sim, nobody/at-all]}
  narrow: {chain: [first/small, first/plain]}
  failing: {chain: [first/sim-e500, first/sim-e529-n4]}
  secret: {chain: [private/sim, second/sim]}
`, key, colleague, strangerKey, sim.url)
	if err := os.WriteFile(l.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	l.ready(t)
	return l
}

// manageAs asks the management API with a key.
func (l *lab) manageAs(t *testing.T, key, method, path, body string) (status int, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, l.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// told is what is told of how a request's models were chosen.
type told struct {
	Explanation string  `json:"explanation"`
	Rule        *string `json:"rule"`
	Workload    *string `json:"workload"`
	ClassBy     *string `json:"class_by"`
	Policy      *string `json:"policy"`
	Candidates  []struct {
		Name     string  `json:"name"`
		Estimate *string `json:"estimate_usd"`
		Came     *string `json:"came"`
	} `json:"candidates"`
	Excluded []struct {
		Name     string `json:"name"`
		Reason   string `json:"reason"`
		Sentence string `json:"sentence"`
	} `json:"excluded"`
	Fallback   *bool    `json:"fallback"`
	Downgrades []string `json:"downgrades"`
	Attempts   []struct {
		Provider string  `json:"provider"`
		Key      string  `json:"key"`
		Kind     *string `json:"error_kind"`
		InWords  *string `json:"error_in_words"`
	} `json:"attempts"`
	Refused *struct {
		Status  int    `json:"status"`
		Kind    string `json:"kind"`
		Message string `json:"message"`
	} `json:"refused"`
}

func (w *told) names() (candidates, excluded []string) {
	for _, c := range w.Candidates {
		candidates = append(candidates, c.Name)
	}
	for _, x := range w.Excluded {
		excluded = append(excluded, x.Name+" "+x.Reason)
	}
	return candidates, excluded
}

func value[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// steady takes what differs from run to run out of what is printed: how long things
// took, and how wide columns are.
func steady(out string) string {
	for _, r := range []struct{ what, with string }{
		{`(began to answer|answered) (at once|after [\d.]+ m?s)( and was done (at once|after [\d.]+ m?s))?`, "answered after T"},
		{`failed (at once|after [\d.]+ m?s)`, "failed after T"},
		{`(?m) +(error|ok) +(-|\d+) +\d+ +(\d+) `, " $1 T T $3 "},
		{` {2,}`, "  "},
	} {
		out = regexp.MustCompile(r.what).ReplaceAllString(out, r.with)
	}
	return out
}

// TestWhyATurnFellBack: what is told of a turn whose first two candidates failed, to
// people and to programs, to those who may see it and to nobody else.
func TestWhyATurnFellBack(t *testing.T) {
	t.Parallel()
	l := newRouteLab(t)
	path, body := chatRequest(ask{model: "workload/support", said: []said{{text: question}}})
	body["seed"] = 7 // which the format of the one that answers has no word for
	doc, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	if status, answer, err := l.post(t, path, string(doc)); status != http.StatusOK || err != nil {
		t.Fatal(status, answer, err)
	}
	id := l.turns(t, 1)[0].ID
	out, errOut, status := l.command(t, "why", id)
	want := `The request is of the workload support. Its class is interactive, as its workload says. In order: first/small (about $0.0000067), first/sim-e500 (about $0.000067), second/sim (about $0.000489). Not nobody/at-all: the model "nobody/at-all" is not known at any connected provider. first/small failed after T (it doesn't know the model), then first/sim-e500 failed after T (an error of its own), so second/sim answered after T. Left out of what was sent, since the model's format has no word for it: seed. To change this: connect the provider, or correct the name in the configuration.

CANDIDATE  THIS REQUEST USD  CAME
first/small  0.000006700  error
first/sim-e500  0.000067000  error
second/sim  0.000489000  ok

NOT  BECAUSE
nobody/at-all  the model "nobody/at-all" is not known at any connected provider

ATTEMPT AT  KEY  STATUS  FIRST MS  MS  INPUT  OUTPUT  COST USD  ERROR
first/small  8254c329 error T T 0  0  0.000000000  it doesn't know the model: The model ` + "`small`" + ` does not exist or you do not have access to it.
first/sim-e500  8254c329 error T T 0  0  0.000000000  an error of its own: The server had an error while processing your request.
second/sim  8254c329 ok T T 3  32  0.000489000
`
	if d := cmp.Diff(want, steady(out)); d != "" || errOut != "" || status != 0 {
		t.Error(status, errOut, d)
	}
	out, _, status = l.command(t, "why", "--json", id)
	w, err := read[told]([]byte(out))
	if err != nil || status != 0 || value(w.Fallback) != true || value(w.Rule) != "workload" || value(w.ClassBy) != "workload" || w.Policy == nil || len(w.Attempts) != 3 ||
		w.Attempts[0].Key == "" || value(w.Attempts[1].Kind) != "upstream" || value(w.Attempts[0].InWords) != "it doesn't know the model" || w.Attempts[2].Kind != nil {
		t.Errorf("%d %v %s", status, err, out)
	}
	if d := cmp.Diff([]string{"seed"}, w.Downgrades); d != "" {
		t.Error(d)
	}
	for who, want := range map[string]int{key: 200, colleague: 404, strangerKey: 404, "nobody": 401} {
		if status, b := l.manageAs(t, who, "GET", "/api/v1/turns/"+id+"/why", ""); status != want {
			t.Errorf("%s: %d %s", who, status, b)
		}
	}
	if _, errOut, status := l.command(t, "why", "no-such-turn"); status != 1 || !strings.Contains(errOut, "there is no such turn") {
		t.Error(status, errOut)
	}
}

// TestWhyToItsOwnUser: a member sees its own turns, without what names the
// provider's keys.
func TestWhyToItsOwnUser(t *testing.T) {
	t.Parallel()
	l := newRouteLab(t)
	if status, b := l.manageAs(t, colleague, "POST", "/v1/chat/completions", hello("workload/failing", false)); status != 503 {
		t.Fatalf("%d %s", status, b)
	}
	id := l.turns(t, 1)[0].ID
	for who, keyed := range map[string]bool{colleague: false, key: true} {
		status, b := l.manageAs(t, who, "GET", "/api/v1/turns/"+id+"/why", "")
		w, err := read[told](b)
		if status != 200 || err != nil || len(w.Attempts) < 2 || value(w.Fallback) != false || !strings.Contains(w.Explanation, "there was nothing left to try.") {
			t.Fatalf("%d %v %s", status, err, b)
		}
		for _, c := range w.Candidates {
			if c.Estimate != nil || value(c.Came) != "error" {
				t.Errorf("nothing was used, so nothing can be priced: %+v", c)
			}
		}
		for _, a := range w.Attempts {
			if (a.Key != "") != keyed {
				t.Errorf("%s sees the key %q", who, a.Key)
			}
		}
	}
}

// TestADryRunIsWhatWouldHappen: for each request, in each format, a dry run names the
// candidates and exclusions that the turn then has, and is no turn itself.
func TestADryRunIsWhatWouldHappen(t *testing.T) {
	t.Parallel()
	for i := range dialects {
		d := &dialects[i]
		l := newRouteLab(t) // in which nothing has failed yet
		n := 0
		for _, model := range []string{"workload/support", "second/sim", "sim", "workload/failing", "class/interactive"} {
			a := ask{model: model, said: []said{{text: question}}}
			_, body := d.request(a)
			doc, err := json.Marshal(object{"request": body, "format": d.name, "model": model}, json.Deterministic(true))
			if err != nil {
				t.Fatal(err)
			}
			status, b := l.manageAs(t, key, "POST", "/api/v1/route/explain", string(doc))
			before, err := read[told](b)
			if err != nil || status != 200 || before.Refused != nil || len(before.Candidates) == 0 {
				t.Fatalf("%s to %s: %d %v %s", d.name, model, status, err, b)
			}
			x := l.send(t, d, a, nil)
			n++
			l.turns(t, n)
			id := x.header.Get("X-Oido-Turn")
			_, b = l.manageAs(t, key, "GET", "/api/v1/turns/"+id+"/why", "")
			after, err := read[told](b)
			if err != nil {
				t.Fatal(err)
			}
			candidates, excluded := before.names()
			then, not := after.names()
			if diff := cmp.Diff(candidates, then) + cmp.Diff(excluded, not) + cmp.Diff(value(before.Policy), value(after.Policy)) + cmp.Diff(before.Rule, after.Rule); diff != "" {
				t.Errorf("%s to %s: %s", d.name, model, diff)
			}
			if fell := x.status == 200 && x.header.Get("X-Oido-Fallback") == "true"; value(after.Fallback) != fell {
				t.Errorf("%s to %s: fallback %v, headers %v", d.name, model, value(after.Fallback), x.header)
			}
		}
	}
}

// TestARefusalNamesEachCandidate in the words of each format, and a dry run of it
// gives the same reasons.
func TestARefusalNamesEachCandidate(t *testing.T) {
	t.Parallel()
	l := newRouteLab(t)
	for i := range dialects {
		d := &dialects[i]
		a := ask{model: "workload/narrow", said: []said{{text: question}}, tools: []tool{lookUp}, limit: 4000}
		x := l.send(t, d, a, nil)
		f, err := d.refused(x.body)
		lines := regexp.MustCompile(`^no model can answer this request for "workload/narrow":\n- first/small: has a window of 2000 tokens, and \d+ are needed for prompt and answer\n- first/plain: takes no tools$`)
		if err != nil || x.status != http.StatusBadRequest || !lines.MatchString(f.message) {
			t.Errorf("%s: %d %v %s", d.name, x.status, err, x.body)
		}
		_, body := d.request(a)
		doc, err := json.Marshal(object{"request": body, "format": d.name, "model": a.model}, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		status, b := l.manageAs(t, key, "POST", "/api/v1/route/explain", string(doc))
		w, err := read[told](b)
		if status != http.StatusOK || err != nil || w.Refused == nil || w.Refused.Status != x.status || !lines.MatchString(w.Refused.Message) {
			t.Fatalf("%s: %d %v %s", d.name, status, err, b)
		}
		if _, not := w.names(); cmp.Diff([]string{"first/small context", "first/plain tools"}, not) != "" || !strings.HasPrefix(w.Explanation, "No model can answer it") {
			t.Errorf("%s: %s", d.name, b)
		}
	}
	if n := l.usageTurns(t); n != 0 {
		t.Errorf("%d turns of what was refused", n)
	}
}

func TestDryRunsOnTheCommandLine(t *testing.T) {
	t.Parallel()
	l := newRouteLab(t)
	file := filepath.Join(t.TempDir(), "request.json")
	if err := os.WriteFile(file, []byte(`{"model":"workload/support","max_tokens":4000,"messages":[{"role":"user","content":"`+question+`"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, says, not string }{
		{"--workload narrow", `The request is of the workload narrow. In order: first/small (about $0.0002064), first/plain (price unknown).

CANDIDATE  THIS REQUEST USD
first/small  0.000206400
first/plain  unknown
`, ""},
		{"", "so it is the default one, interactive", "NOT  "},
		{"--model second/sim --format gemini", "second/sim was asked for by its full name", ""},
		{"--format messages " + file, "first/small  it has a window of 2000 tokens", "first/small ("},
		{"--down first " + file, "first/sim-e500  it is taken to be down", "refused"},
		{"--down first --down second/sim " + file, "No model can answer it, so it would be refused.", "CANDIDATE"},
		{"--model nothing-of-the-kind", `It would be refused: the model "nothing-of-the-kind" is not known at any connected provider`, "CANDIDATE"},
		{"--class reasoning", "The request is of the class reasoning, as the caller says.", ""},
		{"--workload support --at 2031-01-01T00:00:00Z", "first/small  0.000206400", ""},
		{"--model private/sim", "It would be refused", "CANDIDATE"}, // another org's
	} {
		out, errOut, status := l.command(t, append([]string{"route", "explain"}, strings.Fields(c.args)...)...)
		out = steady(out)
		if status != 0 || errOut != "" || !strings.Contains(out, c.says) || c.not != "" && strings.Contains(out, c.not) {
			t.Errorf("%s: %d %s%s", c.args, status, out, errOut)
		}
	}
	out, _, status := runWith(t, `{"model":"auto","messages":[{"role":"user","content":"hi"}]}`, []string{"OIDO_URL=" + l.url, "OIDO_KEY=" + key}, "route", "explain", "--json", "--workload", "support", "-")
	if w, err := read[told]([]byte(out)); err != nil || status != 0 || value(w.Workload) != "support" || len(w.Candidates) != 3 {
		t.Errorf("%d %v %s", status, err, out)
	}
	for args, says := range map[string]string{
		"--format xml": "--format", "no-such-file.json": "no-such-file.json", "--agent " + strings.Repeat("a", 200): "agent", "a b": "--help", "--at noon": "--at \"noon\" is no time: write it like 2027-01-01T00:00:00Z",
		"--down frist": `no provider "frist" is connected: there are first, second`,
	} {
		if _, errOut, status := l.command(t, append([]string{"route", "explain"}, strings.Fields(args)...)...); status == 0 || !strings.Contains(errOut, says) {
			t.Errorf("%s: %d %s", args, status, errOut)
		}
	}
	if n := l.usageTurns(t); n != 0 {
		t.Errorf("%d turns of what was never sent", n)
	}
}

// TestDryRunsAreBounded and say what is wrong with them.
func TestDryRunsAreBounded(t *testing.T) {
	t.Parallel()
	l := newRouteLab(t)
	for body, want := range map[string]int{
		hello("second/sim", false):                    200, // a bare Chat request
		`{"request":{"messages":[]},"format":"chat"}`: 200, // refused inside
		`{"request":` + hello("auto", true) + `}`:     200,
		`{"request":{},"formats":"chat"}`:             422,
		`{"request":{},"format":"xml"}`:               422,
		`{"request":{},"session":"a\u0000b"}`:         422,
		`[]`:                                          400,
		`{"request":`:                                 400,
		``:                                            400,
		`{"messages":"` + strings.Repeat("a", 65<<10) + `"}`:  413,
		`{"request":{},"pretend":{"down":"x"}}`:               422,
		`{"model":"auto","model":"second/sim","messages":[]}`: 200, // refused inside
	} {
		status, b := l.manageAs(t, colleague, "POST", "/api/v1/route/explain", body)
		if status != want {
			t.Errorf("%.60s: %d, want %d: %.300s", body, status, want, b)
		}
	}
	for body, says := range map[string]string{
		`{"request":{},"pretend":{"at":"noon"}}`:      "/pretend/at can't be taken: ",
		`{"request":{},"formats":"chat"}`:             "/formats can't be taken: ",
		`{"request":{},"pretend":{"down":["third"]}}`: `no provider \"third\" is connected: there are first, second`,
	} {
		if status, b := l.manageAs(t, colleague, "POST", "/api/v1/route/explain", body); status != 422 || !strings.Contains(string(b), says) || strings.Contains(string(b), "json:") {
			t.Errorf("%s: %d %s", body, status, b)
		}
	}
	if status, _ := l.manageAs(t, "nobody", "POST", "/api/v1/route/explain", "{}"); status != 401 {
		t.Error(status)
	}
}

func TestWorkloadsOnTheCommandLine(t *testing.T) {
	t.Parallel()
	l := newRouteLab(t)
	out, errOut, status := l.command(t, "workloads")
	out = steady(out)
	for _, want := range []string{
		"WORKLOAD  CLASS  PREFER  MODELS NOW  ESCALATES TO  SWITCH TO  FROM  WARNINGS\n",
		"support  interactive  order  first/small, first/sim-e500, second/sim  -  -  configuration  nobody/at-all: the model \"nobody/at-all\" is not known at any connected provider\n",
		"narrow  -  order  first/small, first/plain  -  -  configuration\n",
		"review  -  session  ", "research  reasoning  order  ", "  default",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s%s", want, out, errOut)
		}
	}
	// Who may not use a provider doesn't learn of it.
	_, ours := l.manageAs(t, key, "GET", "/api/v1/workloads", "")
	_, theirs := l.manageAs(t, strangerKey, "GET", "/api/v1/workloads", "")
	if strings.Contains(string(ours), "private") || !strings.Contains(string(theirs), `"models":["private/sim","second/sim"]`) {
		t.Errorf("%s\n%s", ours, theirs)
	}
	out, _, status2 := l.command(t, "workloads", "--json")
	rows, err := read[struct {
		Data []struct {
			Name   string   `json:"name"`
			Models []string `json:"models"`
		} `json:"data"`
	}]([]byte(out))
	if err != nil || status != 0 || status2 != 0 || len(rows.Data) < 10 || rows.Data[0].Name != "support" || len(rows.Data[0].Models) != 3 {
		t.Errorf("%d %d %v %s", status, status2, err, out)
	}
}
