package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"
)

var (
	moveOrders = flag.Int("moves", 40, "orders in which a session is moved between providers")
	moveSeed   = flag.Uint64("moves-seed", 1, "what the orders are drawn from")
)

// moveTurns is how many requests a session has.
const moveTurns = 40

// stops are where a session is moved to: the two formats of OpenAI, Anthropic,
// Gemini and DeepSeek, and of the families the members that want their reasoning
// back in another way.
var stops = []upstream{
	{name: "chat", thinker: "gpt-5.4-mini-"},
	{name: "responses", thinker: "gpt-5.4-"},
	{name: "messages", thinker: "claude-sonnet-4-5-"},
	{name: "messages", thinker: "claude-sonnet-4-6-"},
	{name: "messages", thinker: "claude-opus-4-7-"},
	{name: "gemini", thinker: "gemini-3-pro-"},
	{name: "gemini", thinker: "gemini-2.5-flash-"},
	{name: "deepseek"},
}

// farther are stops at vendors with ways of their own, where some of the orders lead
// besides: short ids, reasoning in details, a format that no client speaks.
var farther = slices.Concat(stops, []upstream{
	{name: "mistral", thinker: "mistral-small-latest-"},
	{name: "openrouter", thinker: "anthropic/claude-haiku-4-5-"},
	{name: "converse", thinker: "us.anthropic.claude-sonnet-4-5-"},
	{name: "moonshot", thinker: "kimi-k3-"},
	{name: "groq", thinker: "openai/gpt-oss-120b-"},
	{name: "xai", thinker: "grok-4.3-"},
	// Names that say nothing of what the model wants.
	{name: "chat", thinker: "local-"},
	{name: "messages", thinker: "relayed-"},
})

// TestASessionMovesBetweenProvidersAtAnyTurn plays sessions of an agent that names
// another model for each request. The providers refuse what isn't theirs or isn't
// in order; they must refuse nothing, and receive all that the user said and the
// tools returned. What one of them received once, it receives again in the same
// bytes, so that its cache of prompts holds.
func TestASessionMovesBetweenProvidersAtAnyTurn(t *testing.T) {
	t.Parallel()
	l, front := newMovesLab(t)
	orders := make(chan int)
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() {
			for n := range orders {
				name := fmt.Sprintf("order %d of seed %d", n, *moveSeed)
				to := stops
				if n >= *moveOrders {
					to = farther
				}
				t.Run(name, func(t *testing.T) { newJourney(t, l, front, n, to).run() })
			}
		})
	}
	for n := range *moveOrders + *moveOrders/5 {
		orders <- n
	}
	close(orders)
	work.Wait()
}

// newMovesLab is a gateway whose way to the simulated providers is watched.
func newMovesLab(t *testing.T) (*lab, *front) {
	t.Helper()
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	f := newFront(t, sim.url)
	dir := t.TempDir()
	l := &lab{config: filepath.Join(dir, "oido.yaml"), data: filepath.Join(dir, "data"), sim: sim.url}
	config := fmt.Sprintf(`keys: [{key: %s, org: acme, user: ada, role: admin}]
providers:
  chat:      {type: openai, base_url: "%[2]s/openai/v1", api_key: k, formats: [chat]}
  responses: {type: openai, base_url: "%[2]s/openai/v1", api_key: k, formats: [responses]}
  messages:  {type: anthropic, base_url: "%[2]s/anthropic", api_key: k}
  gemini:    {type: gemini, base_url: "%[2]s/gemini", api_key: k}
  mistral:   {type: mistral, base_url: "%[2]s/mistral/v1", api_key: k}
  openrouter: {type: openrouter, base_url: "%[2]s/openrouter/api/v1", api_key: k, formats: [chat]}
  converse:  {type: bedrock, base_url: "%[2]s/bedrock", region: us-east-1, api_key: k, formats: [converse]}
  moonshot:  {type: moonshot, base_url: "%[2]s/moonshot/v1", api_key: k, formats: {chat: "", messages: "%[2]s/moonshot/anthropic"}}
  groq:      {type: groq, base_url: "%[2]s/groq/openai/v1", api_key: k}
  xai:       {type: xai, base_url: "%[2]s/xai/v1", api_key: k}
  deepseek:  {type: deepseek, base_url: "%[2]s/deepseek", api_key: k, formats: {chat: "", messages: "%[2]s/deepseek/anthropic", responses: ""}, models: [{id: %[3]s}, {id: %[4]s}]}
`, key, f.URL, "sim-"+moveScript, "sim-"+moveScript+"-mix")
	if err := os.WriteFile(l.config, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	return l, f
}

// moveScript has a model reason, call each tool at once as long as it may call
// any, and else say a few words.
const moveScript = "think-tools99-par4-each-n3"

// front stands before the simulated providers and keeps what a session sends them.
type front struct {
	*httptest.Server
	mu   sync.Mutex // protects following fields
	sent map[string][]string
	told map[string][]byte
}

// journeyMark is how a body tells whose it is.
var journeyMark = regexp.MustCompile(`agent-of-journey-[0-9]+`)

func newFront(t *testing.T, to string) *front {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{sent: map[string][]string{}, told: map[string][]byte{}}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
		ModifyResponse: func(r *http.Response) error {
			whose, _ := r.Request.Context().Value(journeyMark).(string)
			if r.StatusCode == http.StatusOK {
				r.Body = &overheard{r.Body, f, whose}
				return nil
			}
			body, err := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			f.note(whose, "refused: "+string(body))
			return err
		},
	}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		whose := string(journeyMark.Find(body))
		f.note(whose, string(body))
		r.Body = io.NopCloser(bytes.NewReader(body))
		proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), journeyMark, whose)))
	}))
	t.Cleanup(f.Close)
	return f
}

// note keeps a body of a journey's.
func (f *front) note(whose, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if whose != "" {
		f.sent[whose] = append(f.sent[whose], body)
	}
}

// overheard keeps what is answered to a journey, before the gateway reads it.
type overheard struct {
	io.ReadCloser
	front *front
	whose string
}

func (o *overheard) Read(p []byte) (int, error) {
	n, err := o.ReadCloser.Read(p)
	if o.whose != "" {
		o.front.mu.Lock()
		defer o.front.mu.Unlock()
		o.front.told[o.whose] = append(o.front.told[o.whose], p[:n]...)
	}
	return n, err
}

// take returns what was sent for a journey and answered to it since it was asked
// last.
func (f *front) take(whose string) (sent []string, told string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sent, told = f.sent[whose], string(f.told[whose])
	delete(f.sent, whose)
	delete(f.told, whose)
	return sent, told
}

// journey is a session that is moved.
type journey struct {
	*testing.T
	l      *lab
	front  *front
	stops  []upstream
	random *rand.Rand
	client *dialect
	number int
	ask    ask
	script string
	strip  bool // the client sends back text and calls alone

	marks []string            // of all that must arrive
	heard map[string][]string // by model, the conversation that it received last
	seals map[string][]string // by model, what it signed before it called tools
	way   []string            // the models so far
	at    upstream            // the last of them
}

func newJourney(t *testing.T, l *lab, f *front, n int, stops []upstream) *journey {
	t.Helper()
	j := &journey{
		T: t, l: l, front: f, stops: stops, number: n, script: "sim-" + moveScript,
		random: rand.New(rand.NewPCG(*moveSeed, uint64(n))),
		client: &dialects[n%len(dialects)],
		heard:  map[string][]string{}, seals: map[string][]string{},
	}
	j.ask = ask{
		stream: n/len(dialects)%2 == 1, reasons: j.chance(3, 4),
		system: j.whose() + ": be brief", tools: moveTools(j.client),
	}
	j.strip = j.chance(1, 4)
	if j.chance(1, 2) {
		j.script += "-mix"
	}
	return j
}

// moveTools are the tools of an agent: one without arguments, and names that the
// client's own format takes and others don't.
func moveTools(d *dialect) []tool {
	odd := []tool{{"mcp__files-read", answerSchema}, {"read-" + strings.Repeat("very-", 11) + "far", answerSchema}}
	switch d.name {
	case "messages":
		odd[1].name = "read-" + strings.Repeat("very-", 20) + "far"
	case "gemini":
		odd = []tool{{"mcp.files:read", answerSchema}, {"read." + strings.Repeat("very.", 20) + "far", answerSchema}}
	}
	return append([]tool{lookUp, now}, odd...)
}

func (j *journey) whose() string { return "agent-of-journey-" + strconv.Itoa(j.number) }

func (j *journey) chance(n, of int) bool { return j.random.IntN(of) < n }

// mark is text that is found again.
func (j *journey) mark(what string) string {
	m := fmt.Sprintf("marked-%s-%d-end", what, len(j.marks))
	j.marks = append(j.marks, m)
	return m
}

func (j *journey) picture() []media {
	if !j.chance(1, 8) {
		return nil
	}
	return []media{{kind: "image/png", base64: png}}
}

func (j *journey) run() {
	j.says()
	for range moveTurns {
		calls := j.chance(2, 3)
		j.ask.choice = ""
		if !calls {
			j.ask.choice = "none"
		}
		r := j.turn()
		if strings.HasPrefix(j.ask.model, "converse/") && len(r.calls) > 0 {
			calls = true // the API has no word for calling none
		}
		want := finishStop
		if calls {
			want = finishTools
		}
		if r.finish != want || calls != (len(r.calls) == 4) {
			j.Fatalf("%v: want %s, got %+v", j.way, want, r)
		}
		j.ask.said = append(j.ask.said, said{answer: r, strip: j.strip})
		if calls {
			j.returns(r)
		}
		if !calls || j.chance(1, 5) {
			j.says()
		}
	}
}

// says has the user say something.
func (j *journey) says() {
	j.ask.said = append(j.ask.said, said{text: "find out: " + j.mark("user"), media: j.picture()})
}

// returns has the tools return something, in any order.
func (j *journey) returns(r *reply) {
	ids := map[string]bool{}
	var results []result
	for i, c := range r.calls {
		if c.id == "" && j.client.name == "gemini" {
			c.id = "unnamed " + strconv.Itoa(i)
		}
		if c.name != j.ask.tools[i].name || c.id == "" || ids[c.id] {
			j.Fatalf("%v: calls %+v", j.way, r.calls)
		}
		ids[c.id] = true
		back := result{id: r.calls[i].id, name: c.name, text: "found " + j.mark("tool")}
		if j.client.name != "chat" {
			back.media = j.picture()
		}
		results = append(results, back)
	}
	if !slices.ContainsFunc(results, func(r result) bool { return r.id == "" }) {
		j.random.Shuffle(len(results), func(a, b int) { results[a], results[b] = results[b], results[a] })
	}
	j.ask.said = append(j.ask.said, said{results: results})
}

// turn has the next model answer.
func (j *journey) turn() *reply {
	j.Helper()
	if len(j.way) == 0 || j.chance(2, 3) { // else it stays, in the middle of its calls too
		j.at = j.stops[j.random.IntN(len(j.stops))]
	}
	u := j.at
	j.ask.model = u.name + "/" + u.thinker + j.script
	j.way = append(j.way, u.name+" "+u.thinker)
	x := j.l.send(j.T, j.client, j.ask, nil)
	r, err := j.client.understand(x, j.ask.stream)
	sent, answer := j.front.take(j.whose())
	if err != nil || x.broken != nil || r.fault != nil || len(sent) != 1 {
		told := ""
		for _, s := range sent {
			if strings.HasPrefix(s, "refused") {
				told += s + "\n"
			}
		}
		j.Fatalf("%s%s, streamed %t, stripped %t, %v: %v %v, %d requests, answered %s\nto %s", told, j.client.name, j.ask.stream, j.strip, j.way, err, x.broken, len(sent), x.body, sent)
	}
	j.arrived(sent[0])
	j.called(sent[0])
	if len(j.stops) == len(stops) {
		j.again(sent[0])
	}
	j.reminded(sent[0])
	if len(r.calls) > 0 {
		j.seals[j.ask.model] = append(j.seals[j.ask.model], sealed.FindAllString(answer, -1)...)
	}
	return r
}

var marked = regexp.MustCompile(`marked-[a-z]+-[0-9]+-end`)

// arrived checks that nothing is lost.
func (j *journey) arrived(body string) {
	j.Helper()
	got := map[string]int{}
	for _, m := range marked.FindAllString(body, -1) {
		got[m]++
	}
	for _, m := range j.marks {
		if got[m] != 1 {
			j.Fatalf("%s, streamed %t, %v: %s arrived %d times in %s", j.client.name, j.ask.stream, j.way, m, got[m], body)
		}
	}
}

// sealed is reasoning as the simulated providers sign it: the text rides inside.
var sealed = regexp.MustCompile(`[A-Za-z0-9+/]{32}Rmlyc3QgSSB0aGluazog[A-Za-z0-9+/]*=*`)

// reminded checks that a model gets back what it sealed before it called tools, to
// the byte.
func (j *journey) reminded(body string) {
	j.Helper()
	if j.strip && j.client.name == "gemini" && strings.Contains(j.ask.model, "gemini-2.5") {
		return // its calls have no ids to know them by, and it doesn't insist
	}
	got := map[string]bool{}
	for _, s := range sealed.FindAllString(body, -1) {
		got[s] = true
	}
	for i, s := range j.seals[j.ask.model] {
		if !got[s] {
			j.Fatalf("%s, streamed %t, stripped %t, %v: %s lacks %d of its seals, %s, in %s", j.client.name, j.ask.stream, j.strip, j.way, j.ask.model, i, s, body)
		}
	}
}

var named = regexp.MustCompile(`"name":"([^"]+)"`)

// called checks that calls and results have the names under which the tools are
// declared.
func (j *journey) called(body string) {
	j.Helper()
	names := map[string]bool{}
	for _, m := range named.FindAllStringSubmatch(body, -1) {
		names[m[1]] = true
	}
	if len(names) != len(j.ask.tools) && len(names) > 0 { // none where none may be called and none was
		j.Fatalf("%s, streamed %t, %v: %d tools are called %v", j.client.name, j.ask.stream, j.way, len(j.ask.tools), names)
	}
}

// plainly writes in one way what a vendor reads alike: neighbours of one role, a text
// and a list of that text alone, a message that says that it is one.
func plainly(all list) (out list) {
	for _, v := range all {
		m, _ := plain(v).(object)
		for _, content := range []string{"content", "parts"} {
			if text, ok := m[content].(string); ok && content == "content" {
				m[content] = list{object{"type": "text", "text": text}}
			}
			if len(out) == 0 || m["role"] == nil || m["role"] == "tool" || m["tool_calls"] != nil {
				continue
			}
			last, _ := out[len(out)-1].(object)
			before, _ := last[content].(list)
			more, _ := m[content].(list)
			if last["role"] == m["role"] && before != nil && more != nil {
				last[content] = append(before, more...)
				m = nil
			}
		}
		if m != nil {
			out = append(out, m)
		}
	}
	return out
}

func plain(v any) any {
	switch v := v.(type) {
	case list:
		if len(v) == 1 {
			o, _ := v[0].(object)
			if kind, _ := o["type"].(string); kind == "text" || kind == "input_text" || kind == "output_text" {
				return o["text"]
			}
		}
		for i := range v {
			v[i] = plain(v[i])
		}
	case object:
		switch {
		case v["type"] == "message":
			delete(v, "type")
			fallthrough
		case v["type"] == "function_call":
			delete(v, "id")
			delete(v, "status")
		case v["text"] == "":
			delete(v, "text")
		}
		for name := range v {
			v[name] = plain(v[name])
		}
	}
	return v
}

// again checks that what a model received before is how it begins now.
func (j *journey) again(body string) {
	j.Helper()
	in, err := read[struct {
		Messages list `json:"messages"`
		Input    list `json:"input"`
		Contents list `json:"contents"`
	}]([]byte(body))
	if err != nil {
		j.Fatal(err)
	}
	var now []string
	for _, m := range plainly(slices.Concat(in.Messages, in.Input, in.Contents)) {
		b, err := json.Marshal(m, json.Deterministic(true))
		if err != nil {
			j.Fatal(err)
		}
		now = append(now, string(b))
	}
	for i, before := range j.heard[j.ask.model] {
		if i >= len(now) || now[i] != before {
			j.Fatalf("%s, streamed %t, stripped %t, %v: %s was sent %s\nand then %s", j.client.name, j.ask.stream, j.strip, j.way, j.ask.model, before, now[min(i, len(now)-1)])
		}
	}
	j.heard[j.ask.model] = now
}
