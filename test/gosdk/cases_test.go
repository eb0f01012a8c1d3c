package gosdk

import (
	"context"
	"errors"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// thinkers are the names of real models, which make the simulated vendors ask for
// what they really ask for, above all their reasoning back.
var thinkers = map[string]string{"chat": "gpt-5.4-mini", "messages": "claude-sonnet-4-5", "responses": "gpt-5.4", "gemini": "gemini-3-pro"}

var (
	city = map[string]any{
		"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}},
		"required": []string{"city"}, "additionalProperties": false,
	}
	nothing = map[string]any{"type": "object", "properties": map[string]any{}, "additionalProperties": false}
)

// pixel is a PNG of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// weather is a tool that notes in ran what it is asked.
func weather(ran *[]map[string]any) []tool {
	return []tool{{"get_weather", "The weather of a city", city, func(args map[string]any) string {
		*ran = append(*ran, args)
		return "sunny, " + strconv.Itoa(20+len(*ran)) + " degrees"
	}}}
}

var table = []check{
	{"text", whole | streamed, text},
	{"text and tools", whole | streamed, textAndTools},
	{"parallel tools and their results", whole | streamed, parallelTools},
	{"tool without arguments", whole | streamed, toolWithoutArguments},
	{"reasoning over a tool turn", whole | streamed, reasoningOverAToolTurn},
	{"image", whole | streamed, image},
	{"structured output", whole | streamed, structuredOutput},
	{"length", whole | streamed, length},
	{"stop", whole | streamed, stop},
	{"refusal", whole | streamed, refusal},
	{"cached and reasoning tokens", whole | streamed, cachedAndReasoningTokens},
	{"errors", whole | streamed, faults},
	{"unknown model and key", whole | streamed, unknownModelAndKey},
	{"cut upstream", whole | streamed, broken("sim-n9-cut3")},
	{"error in mid-stream", streamed, broken("sim-n9-err3")},
	{"upstream that ends too early", streamed, broken("sim-n9-end3")},
	{"client leaves", streamed, clientLeaves},
	{"models and counts", whole, modelsAndCounts},
	{"embeddings", whole, embeddings},
}

// wantFinish fails unless an answer in text ended for a reason.
func (p *trial) wantFinish(a answer, finish string) {
	p.Helper()
	if a.finish != finish || a.text == "" && finish != refused {
		p.Errorf("finished by %q with the text %q, want %q", a.finish, a.text, finish)
	}
}

// wantCalls fails unless the rounds had so many calls.
func (p *trial) wantCalls(a answer, counts ...int) {
	p.Helper()
	var got []int
	for _, calls := range a.steps {
		got = append(got, len(calls))
	}
	if !slices.Equal(got, counts) {
		p.Fatalf("%v calls by round, want %v", got, counts)
	}
}

func text(p *trial) {
	var heard strings.Builder
	a := p.must(ask{model: "sim-n3", heard: func(piece string) { heard.WriteString(piece) }})
	if len(a.text) <= 44 || len(a.text) > 48 {
		p.Errorf("%d bytes of text, want three pieces of 16: %q", len(a.text), a.text)
	}
	if heard.String() != a.text {
		p.Errorf("heard %q, want %q", heard.String(), a.text)
	}
	p.wantFinish(a, stopped)
	if a.usage.input <= 0 || a.usage.output != int64(len(a.text)+3)/4 {
		p.Errorf("%+v", a.usage)
	}
}

func textAndTools(p *trial) {
	var ran []map[string]any
	var heard strings.Builder
	a := p.must(ask{model: "sim-tools1-mix", tools: weather(&ran), heard: func(piece string) { heard.WriteString(piece) }})
	if !strings.HasPrefix(heard.String(), "I'll look that up. ") {
		p.Errorf("heard %q", heard.String())
	}
	p.wantCalls(a, 1)
	if where, ok := ran[0]["city"].(string); !ok || where == "" {
		p.Errorf("called with %v", ran[0])
	}
	p.wantFinish(a, stopped)
}

func parallelTools(p *trial) {
	var ran []map[string]any
	var a answer
	requests := p.lab.received(p.T, "sim-tools2-par3", 3, func() { a = p.must(ask{model: "sim-tools2-par3", tools: weather(&ran)}) })
	p.wantCalls(a, 3, 3)
	p.wantFinish(a, stopped)
	ids := map[string]bool{}
	for _, c := range slices.Concat(a.steps...) {
		ids[c.id] = true
	}
	// Older models of Gemini's give their calls no ids.
	if (ids[""] || len(ids) != 6) && (p.sdk.format != p.upstream || p.upstream != "gemini") {
		p.Errorf("ids %v", slices.Sorted(maps.Keys(ids)))
	}
	if len(requests) != 3 {
		p.Fatalf("the provider was asked %d times", len(requests))
	}
	at := -1
	for n := 21; n <= 26; n++ {
		next := strings.Index(requests[2].Body, "sunny, "+strconv.Itoa(n)+" degrees")
		if next <= at {
			p.Fatalf("result %d at %d, the one before at %d: %s", n, next, at, requests[2].Body)
		}
		at = next
	}
}

func toolWithoutArguments(p *trial) {
	var ran []map[string]any
	now := tool{"now", "What time it is", nothing, func(args map[string]any) string {
		ran = append(ran, args)
		return "noon"
	}}
	a := p.must(ask{model: "sim-tools1-noargs", tools: []tool{now}})
	p.wantCalls(a, 1)
	if len(ran) != 1 || len(ran[0]) != 0 {
		p.Errorf("ran with %v", ran)
	}
	p.wantFinish(a, stopped)
}

// reasoningOverAToolTurn is of a provider that refuses a round whose reasoning is
// missing or altered.
func reasoningOverAToolTurn(p *trial) {
	var ran []map[string]any
	a := p.must(ask{model: thinkers[p.upstream] + "-sim-think-tools2-par2", tools: weather(&ran), think: true, max: 4000})
	p.wantCalls(a, 2, 2)
	p.wantFinish(a, stopped)
	if slices.Contains(p.sdk.shows, p.upstream) && !strings.HasPrefix(a.reasoning, "First I think: ") {
		p.Errorf("reasoning %q", a.reasoning)
	}
}

func image(p *trial) {
	var a answer
	requests := p.lab.received(p.T, "sim-n2", 1, func() { a = p.must(ask{model: "sim-n2", image: pixel}) })
	p.wantFinish(a, stopped)
	if len(requests) != 1 || !strings.Contains(requests[0].Body, pixel) || !strings.Contains(requests[0].Body, "image/png") {
		p.Errorf("%v", requests)
	}
}

func structuredOutput(p *trial) {
	a := p.must(ask{model: "sim-json", schema: city})
	var object map[string]string
	if err := json.Unmarshal([]byte(a.text), &object); err != nil || !slices.Equal(slices.Collect(maps.Keys(object)), []string{"city"}) {
		p.Errorf("%v: %s", err, a.text)
	}
}

func length(p *trial) {
	a := p.must(ask{model: "sim-n50", max: 16})
	p.wantFinish(a, tooLong)
	if len(a.text) > 64 || a.usage.output != 16 {
		p.Errorf("%d tokens: %q", a.usage.output, a.text)
	}
}

func stop(p *trial) {
	whole := p.must(ask{model: "sim-n9"}).text
	word := string([]rune(whole)[60:64])
	want, _, _ := strings.Cut(whole, word)
	// Responses have no stop sequences; the gateway names what it dropped.
	if p.upstream == "responses" {
		want = whole
	}
	a := p.must(ask{model: "sim-n9", stop: []string{word}})
	p.wantFinish(a, stopped)
	if a.text != want {
		p.Errorf("%q, want %q", a.text, want)
	}
}

func refusal(p *trial) {
	p.wantFinish(p.must(ask{model: "sim-refuse"}), refused)
}

func cachedAndReasoningTokens(p *trial) {
	long := strings.Repeat(question+" ", 100)
	model := thinkers[p.upstream] + "-sim-think-cached50"
	u := p.must(ask{model: model, user: long, think: true, max: 4000}).usage
	if u.input < int64(len(long)/4) || math.Abs(float64(u.cached)-float64(u.input)/2) > 1 || u.reasoning <= 0 || u.reasoning >= u.output {
		p.Errorf("%+v", u)
	}
	// What the client is told is what the books say.
	got := p.lab.recorded(p.T, func(row turn) bool {
		return strings.HasSuffix(row.Requested, model) && row.Provider == p.upstream && row.Stream == p.stream
	})
	if told := (usage{got.Input, got.Cached, got.Output, got.Reasoning}); told != u || got.Quality != "exact" {
		p.Errorf("told %+v, in the books is %+v", u, got)
	}
}

// fault is what a caller does something about.
type fault struct {
	status int
	kind   string
}

var (
	invalid     = fault{400, "invalid"}
	overlong    = fault{400, "overlong"}
	strange     = fault{401, "strange"} // nobody has this key
	missing     = fault{404, "missing"}
	limited     = fault{429, "limited"}
	spent       = fault{429, "spent"}
	failing     = fault{500, "failing"}
	unreachable = fault{502, "failing"}
	unavailable = fault{503, "busy"}
	overloaded  = fault{529, "busy"}
)

// wantRaised fails unless err is the SDK's own for a fault.
func (p *trial) wantRaised(err error, want fault) {
	p.Helper()
	if status, kind, ok := p.sdk.raised(err); !ok || status != want.status || kind != p.sdk.kinds[want.kind] {
		p.Errorf("raised %T, status %d, kind %q, want %+v, %q: %v", err, status, kind, want, p.sdk.kinds[want.kind], err)
	}
}

func faults(p *trial) {
	for _, c := range []struct {
		script string
		want   fault
	}{
		{"sim-e400", invalid},
		{"sim-ctx", overlong},
		{"sim-e404", missing},
		{"sim-e429", limited},
		{"sim-quota", spent},
		{"sim-e500", failing},
		{"sim-e503", unavailable},
		{"sim-e529", overloaded},
		{"sim-reset", unreachable},
		{"sim-html", unreachable},
		// The gateway's own key was refused, not the caller's.
		{"sim-e401", unreachable},
		{"sim-e403", unreachable},
	} {
		_, err := p.ask(p.Context(), ask{model: c.script})
		p.wantRaised(err, c.want)
	}
}

func unknownModelAndKey(p *trial) {
	_, err := p.ask(p.Context(), ask{provider: "no", model: "such"})
	p.wantRaised(err, missing)
	stranger, err := p.sdk.dial(p.lab.url, "nobody-knows-this-key-at-all")
	if err != nil {
		p.Fatal(err)
	}
	unknown := *p
	unknown.client = stranger
	_, err = unknown.ask(p.Context(), ask{model: "sim"})
	p.wantRaised(err, strange)
}

// breaks are the words of errors in mid-stream.
var breaks = regexp.MustCompile(`the stream (broke|ended)|The server had an error`)

// broken is the case of an answer that breaks off: whatever the SDK raises, it must
// not look whole.
func broken(script string) func(p *trial) {
	return func(p *trial) {
		heard := ""
		a, err := p.ask(p.Context(), ask{model: script, heard: func(piece string) { heard += piece }})
		switch {
		case err == nil:
			p.Errorf("a broken answer looks whole: %+v", a)
		case p.stream && heard == "":
			p.Errorf("nothing was heard before %v", err)
		case p.stream && !breaks.MatchString(err.Error()) && !errors.Is(err, io.ErrUnexpectedEOF):
			p.Errorf("raised %T: %v", err, err)
		}
	}
}

func clientLeaves(p *trial) {
	ctx, leave := context.WithCancel(p.Context())
	defer leave()
	pieces := 0
	_, err := p.ask(ctx, ask{model: "sim-n5000-d5", heard: func(string) {
		pieces++
		leave()
	}})
	if !errors.Is(err, context.Canceled) || pieces == 0 || pieces >= 100 {
		p.Errorf("after %d pieces raised %T: %v", pieces, err, err)
	}
	// The provider's work ends with the client's wish for it.
	row := p.lab.recorded(p.T, func(row turn) bool {
		return row.Requested == p.upstream+"/sim-n5000-d5" && row.Status == "canceled"
	})
	if row.Output <= 0 || row.Quality != "estimated" {
		p.Errorf("%+v", row)
	}
}

func modelsAndCounts(p *trial) {
	ids, err := p.client.models(p.Context())
	if err != nil || !slices.Contains(ids, p.upstream+"/sim") {
		p.Errorf("%v: %v", err, ids)
	}
	if c, ok := p.client.(counter); ok {
		if n, err := c.count(p.Context(), p.upstream+"/sim", strings.Repeat("word ", 100)); err != nil || n <= 100 {
			p.Errorf("%d tokens, %v", n, err)
		}
	}
}

// embedding are the upstreams that have embeddings.
var embedding = []string{"chat", "gemini"}

func embeddings(p *trial) {
	c, ok := p.client.(embedder)
	if !ok {
		p.Fatal("the SDK has no embeddings here")
	}
	const dimensions = 8
	vectors, err := c.embed(p.Context(), p.upstream+"/sim", dimensions, "first", "second", "first")
	if !slices.Contains(embedding, p.upstream) {
		p.wantRaised(err, invalid)
		return
	}
	if err != nil {
		p.Fatal(err)
	}
	if len(vectors) != 3 || len(vectors[0]) != dimensions || !slices.Equal(vectors[0], vectors[2]) || slices.Equal(vectors[0], vectors[1]) {
		p.Errorf("%v", vectors)
	}
}
