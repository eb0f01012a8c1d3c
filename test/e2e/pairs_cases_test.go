package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

var (
	answerSchema = object{
		"type":       "object",
		"properties": object{"what": object{"type": "string"}, "count": object{"type": "integer"}},
		"required":   list{"what", "count"}, "additionalProperties": false,
	}
	lookUp = tool{"look_up", answerSchema}
	// plan uses what formats differ in, and names that are words of schemas.
	plan = tool{"plan", object{
		"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "additionalProperties": false,
		"properties": object{
			"type":       object{"type": "string", "enum": list{"a", "b"}},
			"format":     object{"type": "string", "format": "date-time", "pattern": "^[0-9]"},
			"properties": object{"type": "object", "properties": object{"default": object{"type": "boolean", "default": true}}},
			"steps":      object{"type": "array", "items": object{"$ref": "#/$defs/step"}, "minItems": 1},
			"either":     object{"anyOf": list{object{"type": "string"}, object{"type": "null"}}},
			"several":    object{"type": list{"integer", "null"}, "exclusiveMinimum": 0},
			"fixed":      object{"const": "x"},
		},
		"required": list{"type", "steps"},
		"$defs":    object{"step": object{"type": "object", "properties": object{"$ref": object{"type": "string"}}}},
	}}
	now = tool{"now", object{"type": "object", "properties": object{}}}
)

const (
	png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	pdf = "JVBERi0xLjQKJSVFT0YK"
)

// answered is what the simulated providers say to question in six pieces.
const answered = "🙂 lost, A is <tag> & gateway goes carries carries A a a\\b long A as none calls carries lost, "

// count is how many tokens the simulated providers count for text.
func count(texts ...string) int64 { return int64(len(strings.Join(texts, ""))+3) / 4 }

// pairCases is the table that every pair passes.
var pairCases = []struct {
	name string
	run  func(p *pair)
}{
	{"text", func(p *pair) {
		r := p.ask("n6", ask{})
		p.is(r, finishStop, len(r.text) > 80 && r.calls == nil && r.refusal == "")
		// The simulated providers say the same to the same prompt, in any format.
		if r.text != answered {
			p.Errorf("said %q, want %q", r.text, answered)
		}
	}},
	{"system text", func(p *pair) {
		const system = "Answer in one word, please."
		r := p.ask("n2", ask{system: system})
		p.is(r, finishStop, r.usage.input == count(system, question))
	}},
	{"a conversation", func(p *pair) {
		first := p.ask("n3", ask{})
		r := p.ask("n3", ask{said: []said{{text: question}, {answer: first}, {text: "and then?"}}})
		p.is(r, finishStop, r.usage.input >= count(question, first.text, "and then?") && r.text != first.text)
	}},
	{"a whole answer where a stream was asked for", func(p *pair) {
		r := p.ask("n6-wholestream", ask{})
		p.is(r, finishStop, len(r.text) > 80)
	}},
	{"usage that isn't told", func(p *pair) {
		r, x := p.uncounted("n6-nousage", ask{})
		p.is(r, finishStop, len(r.text) > 80)
		p.noteAs(x, "ok", "estimated", nil, r.finish)
	}},
	{"usage that the client doesn't ask for", func(p *pair) {
		r, x := p.uncounted("n6", ask{quiet: true})
		p.is(r, finishStop, len(r.text) > 80)
		if p.client.name == "chat" && p.stream && r.usage != nil && !p.upstream.unasked {
			p.Errorf("told all the same: %s", x.body)
		}
		p.noteAs(x, "ok", "exact", nil, r.finish)
	}},
	{"nothing said", func(p *pair) {
		r := p.ask("empty", ask{})
		p.is(r, finishStop, r.text == "" && r.calls == nil)
	}},
	{"text and a tool", func(p *pair) {
		r := p.ask("tools1-mix", ask{tools: []tool{lookUp, now}})
		p.is(r, finishTools, strings.TrimSpace(r.text) == "I'll look that up." && len(r.calls) == 1 && fits(r.calls[0].arguments))
		p.loop(r, "tools1-mix", false)
	}},
	{"parallel tools and their results", func(p *pair) {
		r := p.ask("tools2-par3", ask{tools: []tool{lookUp}})
		p.is(r, finishTools, len(r.calls) == 3 && !slices.ContainsFunc(r.calls, func(c call) bool { return !fits(c.arguments) || c.name != "look_up" }))
		p.loop(r, "tools2-par3", false)
	}},
	{"a tool without arguments", func(p *pair) {
		r := p.ask("tools1-noargs", ask{tools: []tool{now}})
		p.is(r, finishTools, len(r.calls) == 1 && r.calls[0].name == "now" && r.calls[0].arguments == "{}")
		p.loop(r, "tools1-noargs", false)
	}},
	{"a tool must be called", func(p *pair) {
		r := p.ask("n2", ask{tools: []tool{lookUp, now}, choice: "any"})
		p.is(r, finishTools, len(r.calls) == 1 && r.calls[0].name == "look_up")
	}},
	{"a certain tool must be called", func(p *pair) {
		r := p.ask("n2", ask{tools: []tool{lookUp, now}, choice: "now"})
		p.is(r, finishTools, len(r.calls) == 1 && r.calls[0].name == "now")
	}},
	{"no tool may be called", func(p *pair) {
		r := p.ask("tools3-n2", ask{tools: []tool{lookUp}, choice: "none"})
		p.is(r, finishStop, r.calls == nil && r.text != "")
	}},
	{"a tool with a rich schema", func(p *pair) {
		r := p.ask("tools1", ask{tools: []tool{plan}})
		p.is(r, finishTools, len(r.calls) == 1)
		var got object
		if err := json.Unmarshal([]byte(r.calls[0].arguments), &got); err != nil || len(got) != len(plan.schema["properties"].(object)) {
			p.Errorf("%v: %v", err, r.calls)
		}
		p.carryOn(ask{tools: []tool{plan}, said: []said{{text: question}}}, r, "tools1", false)
	}},
	{"a tool with a name that other formats refuse", func(p *pair) {
		files := tool{"files.read", answerSchema}
		if p.client.name != "gemini" {
			files.name = "files-read-" + strings.Repeat("x", 50)
		}
		r := p.ask("tools1", ask{tools: []tool{files}})
		p.is(r, finishTools, len(r.calls) == 1 && r.calls[0].name == files.name)
		p.carryOn(ask{tools: []tool{files}, said: []said{{text: question}}}, r, "tools1", false)
	}},
	{"sampling", func(p *pair) {
		r := p.ask("n2", ask{sampled: true})
		p.is(r, finishStop, r.text != "")
	}},
	{"sampling where a model that reasons refuses it", func(p *pair) {
		if p.client.name == "messages" && p.spoken() == "messages" {
			return // who asks for both in the vendor's own format is told by the vendor
		}
		r := p.ask("n2-think", ask{sampled: true, reasons: true})
		p.is(r, finishStop, r.text != "")
	}},
	{"one call at most", func(p *pair) {
		if p.client.name == "gemini" {
			return // the format can't ask for it
		}
		r, x := p.exchange("tools1-par3", ask{tools: []tool{lookUp}, single: true})
		if p.spoken() == "gemini" || p.spoken() == "converse" {
			p.is(r, finishTools, strings.Contains(x.header.Get("X-Oido-Downgrades"), "parallel"))
			return
		}
		p.is(r, finishTools, len(r.calls) == 1)
	}},
	{"reasoning over a tool turn", func(p *pair) { p.reasonsOver(false) }},
	{"reasoning over a tool turn, for a client that strips it", func(p *pair) { p.reasonsOver(true) }},
	{"reasoning over a tool turn that another model takes over", func(p *pair) {
		next := slices.Concat(upstreams, types, families)
		if slices.ContainsFunc(types, func(u upstream) bool { return u.name == p.upstream.name }) {
			next = upstreams // of the types each takes over from these, and these from each
		}
		for _, next := range next {
			if next.name != p.upstream.name || next.thinker != p.upstream.thinker {
				p.takesOver(next)
			}
		}
	}},
	{"an image", func(p *pair) {
		r := p.ask("n2", ask{said: []said{{text: question, media: []media{{kind: "image/png", base64: png}}}}})
		p.is(r, finishStop, r.usage.input == count(question, strings.Repeat("x", 340)))
	}},
	{"an image somewhere else", func(p *pair) {
		a := ask{said: []said{{text: question, media: []media{{kind: "image/png", url: "https://example.com/cat.png"}}}}}
		if p.spoken() == "converse" {
			p.refuses("n2", a, "send its content") // the API fetches nothing
			return
		}
		r := p.ask("n2", a)
		p.is(r, finishStop, r.usage.input == count(question, strings.Repeat("x", 340)))
	}},
	{"an image that a tool brought", func(p *pair) {
		if p.client.name == "chat" {
			return // the format has no place for it
		}
		a := ask{tools: []tool{lookUp}, said: []said{{text: question}}}
		r := p.ask("tools1", a)
		p.is(r, finishTools, len(r.calls) == 1)
		brought := []result{{r.calls[0].id, "look_up", "seen", []media{{kind: "image/png", base64: png}}}}
		a.said = append(a.said, said{answer: r}, said{results: brought})
		after := p.ask("tools1", a)
		p.is(after, finishStop, after.usage.input >= r.usage.input+340/4)
	}},
	{"a PDF", func(p *pair) {
		r := p.ask("n2", ask{said: []said{{text: question, media: []media{{kind: "application/pdf", base64: pdf}}}}})
		p.is(r, finishStop, r.usage.input == count(question, strings.Repeat("x", 340)))
	}},
	{"structured output", func(p *pair) {
		r := p.ask("n2", ask{schema: answerSchema})
		p.is(r, finishStop, fits(r.text))
	}},
	{"length", func(p *pair) {
		r := p.ask("n40", ask{limit: 20})
		p.is(r, finishLength, r.text != "" && r.usage.output == 20)
	}},
	{"stop", func(p *pair) {
		if p.client.name == "responses" {
			return // the format can't ask for it
		}
		r, x := p.exchange("n40", ask{stops: []string{"e"}})
		if p.spoken() == "responses" {
			p.is(r, finishStop, strings.Contains(x.header.Get("X-Oido-Downgrades"), "stop"))
			return
		}
		p.is(r, finishStop, !strings.Contains(r.text, "e"))
		if told := p.client.name == "messages" && p.spoken() == "messages"; told != (r.stop == "e") {
			p.Errorf("ended by %q", r.stop)
		}
	}},
	{"refusal", func(p *pair) {
		r := p.ask("refuse", ask{})
		p.is(r, finishRefused, r.calls == nil)
		if told := p.spoken() != "messages" && p.spoken() != "gemini"; told && r.refusal+r.text != "I'm sorry, I can't help with that." {
			p.Errorf("refused with %q, %q", r.refusal, r.text)
		}
	}},
	{"usage with cached and reasoning tokens", func(p *pair) {
		text := strings.Repeat("a longer question ", 10)
		r := p.ask("n4-think-cached50-written20", ask{reasons: true, said: []said{{text: text}}})
		input := count(text)
		want := usage{input: input, cached: input * 50 / 100, written: input * 20 / 100, reasoning: r.usage.reasoning, output: count(r.text) + r.usage.reasoning}
		if p.spoken() == "gemini" || !p.tells("written") {
			want.written = 0
		}
		if r.usage.written < 0 {
			want.written = -1
		}
		if !p.tells("reasoning") {
			want.output += count(r.reasoning)
			p.is(r, finishStop, *r.usage == want && r.usage.reasoning == 0 && r.reasoning != "")
			return
		}
		// OpenAI hides the reasoning of Chat, and shows that of Responses to who
		// asks for it, which Chat has no word for.
		shown := p.upstream.name != "chat" && (p.client.name != "chat" || p.spoken() != "responses")
		p.is(r, finishStop, *r.usage == want && want.reasoning > 0 && shown == (r.reasoning != "") && (!shown || want.reasoning == count(r.reasoning)))
	}},
}

// fits says whether a text is an object of answerSchema.
func fits(text string) bool {
	var v struct {
		What  *string `json:"what"`
		Count *int    `json:"count"`
	}
	err := json.Unmarshal([]byte(text), &v, json.RejectUnknownMembers(true))
	return err == nil && v.What != nil && v.Count != nil
}

// refuses has a request refused that the provider's format has no word for: in the
// caller's own words, and before the provider is asked.
func (p *pair) refuses(script string, a ask, why string) {
	p.Helper()
	x := p.l.send(p.T, p.client, p.asked(script, a), nil)
	f, err := p.client.refused(x.body)
	if err != nil || x.status != http.StatusBadRequest || f.kind != p.client.kinds[x.status] || !strings.Contains(f.message, why) {
		p.Errorf("%d %+v, %v: %s", x.status, f, err, x.body)
	}
}

// uncounted has the model answer that plays a script, whatever is told of usage.
func (p *pair) uncounted(script string, a ask) (*reply, exchange) {
	p.Helper()
	a = p.asked(script, a)
	x := p.l.send(p.T, p.client, a, nil)
	r, err := p.client.understand(x, a.stream)
	if err != nil || x.broken != nil {
		p.Fatalf("%v, %v: %s", err, x.broken, x.body)
	}
	return r, x
}

// loop answers calls as an agent does until the model answers in text. What the
// calls brought must reach it: it counts the words.
func (p *pair) loop(r *reply, script string, strip bool) {
	p.Helper()
	a := ask{tools: []tool{lookUp, now}, said: []said{{text: question}}}
	if r.reasoning != "" {
		a.reasons = true
	}
	p.carryOn(a, r, script, strip)
}

func (p *pair) carryOn(a ask, r *reply, script string, strip bool) (rounds int) {
	p.Helper()
	found := strings.Repeat("found it ", 60)
	for ; len(r.calls) > 0 && rounds < 6; rounds++ {
		var results []result
		ids := map[string]bool{}
		for i, c := range r.calls {
			id := c.id
			if id == "" && p.client.name == "gemini" {
				id = fmt.Sprint(i) // older models of the vendor leave it out
			}
			if ids[id] = true; id == "" || c.name == "" {
				p.Fatalf("a call without a name or an id: %+v", r)
			}
			results = append(results, result{id: c.id, name: c.name, text: fmt.Sprint(i, found)})
		}
		if len(ids) != len(r.calls) {
			p.Errorf("calls share ids: %+v", r.calls)
		}
		before := r.usage.input
		a.said = append(slices.Clone(a.said), said{answer: r, strip: strip}, said{results: results})
		r = p.ask(script, a)
		if r.usage.input < before+int64(len(results))*count(found) {
			p.Errorf("the results did not arrive: %+v", r.usage)
		}
	}
	p.is(r, finishStop, len(r.text) > 40)
	return rounds
}

// takesOver has another model go on after a tool turn: what the first one sealed
// must not reach it, as it would refuse it, and what it wants sealed
// itself isn't there.
func (p *pair) takesOver(next upstream) {
	p.Helper()
	a := ask{reasons: true, tools: []tool{lookUp}, said: []said{{text: "find it out: " + p.who + next.name + next.thinker}}}
	r := p.ask("think-tools1-par2", a)
	p.is(r, finishTools, len(r.calls) == 2)
	q := *p
	q.upstream = next
	if rounds := q.carryOn(a, r, "think-tools2-par2", false); rounds != 2 {
		p.Errorf("%s: %d rounds with tools, want 2", next.thinker, rounds)
	}
}

// reasonsOver plays an agent's loop with a model that reasons: providers refuse
// a tool turn whose reasoning is missing, altered or another model's.
func (p *pair) reasonsOver(strip bool) {
	p.Helper()
	const script = "think-tools3-par2"
	a := ask{reasons: true, tools: []tool{lookUp}, said: []said{{text: "find it out: " + p.who}}}
	r := p.ask(script, a)
	p.is(r, finishTools, len(r.calls) == 2)
	if rounds := p.carryOn(a, r, script, strip); rounds != 3 {
		p.Errorf("%d rounds with tools, want 3", rounds)
	}
}
