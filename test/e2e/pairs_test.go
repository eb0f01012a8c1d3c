package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// upstream is a kind of provider of a lab.
type upstream struct {
	name string
	// thinker begins the name of a model that reasons: what must be sent back to
	// it depends on its family.
	thinker string
	// speaks are the formats that it is called in, richest first; nil is the one
	// of its name, or Chat.
	speaks []string
	// In Chat Completions and Converse: usage that it doesn't tell ("written",
	// "reasoning"), and whether it tells the rest unasked.
	untold  []string
	unasked bool
	// quota is the status that clients see when nothing is left to spend; 0 is 429.
	quota int
}

// upstreams are the providers of a lab: one for each format, one that speaks Chat
// and shows its reasoning, and one in a format that no client speaks.
var upstreams = []upstream{
	{name: "chat", thinker: "gpt-5.4-mini-"},
	{name: "messages", thinker: "claude-sonnet-4-5-"},
	{name: "responses", thinker: "gpt-5.4-"},
	{name: "gemini", thinker: "gemini-3-pro-"},
	{name: "openrouter", thinker: "anthropic/claude-sonnet-4-5-", quota: http.StatusBadGateway}, // told by 402: the operator's business
	inConverse("converse", "openai.gpt-oss-120b-"),
}

// inConverse is what differs at a provider that is called in Converse.
func inConverse(name, thinker string) upstream {
	return upstream{name: name, thinker: thinker, speaks: []string{"converse"}, untold: []string{"reasoning"}, unasked: true}
}

// types are the other types of provider that have ways of their own.
var types = []upstream{
	{name: "nvidia", thinker: "deepseek-ai/deepseek-v4-pro-", untold: []string{"written"}, unasked: true, quota: http.StatusBadGateway},
	{name: "mistral", thinker: "mistral-small-latest-", untold: []string{"written", "reasoning"}, unasked: true},
	{name: "xai", thinker: "grok-4.3-", speaks: []string{"responses"}},
	{name: "xai-chat", thinker: "grok-3-mini-", untold: []string{"written"}},
	{name: "groq", thinker: "openai/gpt-oss-120b-", untold: []string{"written"}},
	{name: "together", thinker: "deepseek-ai/DeepSeek-V4-Pro-", untold: []string{"written"}, unasked: true, quota: http.StatusBadGateway},
	{name: "moonshot", thinker: "kimi-k3-", speaks: []string{"chat", "messages"}, untold: []string{"written"}, unasked: true},
	{name: "dashscope", thinker: "qwen3-32b-", speaks: []string{"chat", "responses", "messages"}}, // which thinks in streams only
	{name: "deepseek", speaks: []string{"chat", "messages", "responses"}, untold: []string{"written"}, unasked: true, quota: http.StatusBadGateway},
	{name: "ollama", speaks: []string{"chat", "responses"}},
}

// families are models whose reasoning is steered and sent back in other ways than
// the thinkers'.
var families = []upstream{
	{name: "chat", thinker: "o4-mini-"},
	{name: "messages", thinker: "claude-sonnet-4-6-"},
	{name: "messages", thinker: "claude-opus-4-7-"},
	{name: "responses", thinker: "o4-mini-"},
	{name: "gemini", thinker: "gemini-2.5-flash-"},
	{name: "gemini", thinker: "gemini-2.5-pro-"},
	{name: "messages-2", thinker: "claude-sonnet-4-5-"}, // with several keys
	{name: "gemini-2", thinker: "gemini-3-pro-"},
	{name: "nvidia", thinker: "minimaxai/minimax-m3-"},      // reasons in the text
	{name: "together", thinker: "deepseek-ai/DeepSeek-R1-"}, // so does this one
	{name: "moonshot", thinker: "kimi-k2.6-"},
	{name: "compatible", thinker: ""}, // reasons in a field that OpenAI doesn't have
	inConverse("converse", "us.amazon.nova-2-lite-"),
	inConverse("claude-converse", "us.anthropic.claude-sonnet-4-5-"),
	inConverse("claude-converse", "us.anthropic.claude-sonnet-4-6-"),
	inConverse("claude-converse", "eu.anthropic.claude-opus-4-7-"),
	{name: "deepseek", thinker: ""}, // wants the reasoning of all turns back, as text
}

// pair is one client format in front of one provider, streamed or not, for one
// case of the table.
type pair struct {
	*testing.T
	l        *lab
	book     *book
	who      string
	client   *dialect
	upstream upstream
	stream   bool
	header   http.Header // to be sent along
	actor    string      // the model that plays scripts, where it must be one by name
}

// TestPairs has every client format ask every kind of provider, streamed and
// not, for everything that the formats share. Then it compares what the clients
// were told with the ledger.
func TestPairs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var b book
	t.Run("cases", func(t *testing.T) {
		for _, c := range pairCases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				eachPair(t, l, &b, slices.Concat(upstreams, types), c.run)
			})
		}
		for _, strip := range []bool{false, true} {
			t.Run(fmt.Sprintf("families, stripped %t", strip), func(t *testing.T) {
				t.Parallel()
				eachPair(t, l, &b, families, func(p *pair) { p.reasonsOver(strip) })
			})
		}
	})
	b.check(t, l)
}

// eachPair runs a case for every pair, streamed and not, many at a time: they
// have ended when the test that calls it has.
func eachPair(t *testing.T, l *lab, b *book, at []upstream, run func(p *pair)) {
	for i := range dialects {
		for _, u := range at {
			for _, stream := range []bool{false, true} {
				name := fmt.Sprintf("%s to %s %s", dialects[i].name, u.name, u.thinker)
				if stream {
					name += ", streamed"
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					run(&pair{T: t, l: l, book: b, who: t.Name(), client: &dialects[i], upstream: u, stream: stream})
				})
			}
		}
	}
}

// spoken is the format that the provider is called in: the client's own where it
// speaks that.
func (p *pair) spoken() string {
	u := p.upstream
	switch {
	case slices.Contains(u.speaks, p.client.name):
		return p.client.name
	case u.speaks != nil:
		return u.speaks[0]
	case slices.ContainsFunc(dialects, func(d dialect) bool { return d.name == u.name }):
		return u.name
	}
	return "chat"
}

// tells says whether the provider tells one of its counts.
func (p *pair) tells(count string) bool {
	return p.spoken() != "chat" && p.spoken() != "converse" || !slices.Contains(p.upstream.untold, count)
}

// asked fills in what an ask leaves to the pair: the model that plays a script.
func (p *pair) asked(script string, a ask) ask {
	a.stream = p.stream
	a.model = p.upstream.name + "/"
	if a.reasons {
		a.model += p.upstream.thinker
	} else {
		a.model += p.actor
	}
	a.model += "sim-" + script
	if a.said == nil {
		a.said = []said{{text: question}}
	}
	return a
}

// question is what is asked where it doesn't matter.
const question = "hello there"

// ask has the model that plays a script answer. Every answer is whole and tells
// its usage, which the ledger must know as well.
func (p *pair) ask(script string, a ask) *reply {
	p.Helper()
	r, _ := p.exchange(script, a)
	return r
}

func (p *pair) exchange(script string, a ask) (*reply, exchange) {
	p.Helper()
	a = p.asked(script, a)
	x := p.l.send(p.T, p.client, a, p.header)
	r, err := p.client.understand(x, a.stream)
	if err == nil {
		err = x.broken
	}
	if err != nil || r.fault != nil || r.finish == "" || r.usage == nil {
		p.Fatalf("%s: %v\n%+v\n%s", a.model, err, r, x.body)
	}
	named := p.upstream.name + "/" + r.model
	if said := x.header.Get("X-Oido-Provider") + "/" + x.header.Get("X-Oido-Model"); !strings.Contains(script, "rec-") && named != a.model || said != a.model {
		p.Errorf("asked %s, the answer names %s, its header %s", a.model, named, said)
	}
	p.note(x, "ok", r.usage, r.finish)
	return r, x
}

// note says what the ledger must know of an exchange. What broke off was counted
// here, what failed at once used nothing that is known for certain.
func (p *pair) note(x exchange, status string, u *usage, f finish) {
	p.Helper()
	p.noteAs(x, status, map[string]string{"ok": "exact", "cut": "estimated"}[status], u, f)
}

func (p *pair) noteAs(x exchange, status, quality string, u *usage, f finish) {
	p.Helper()
	p.book.note(p.T, x.header.Get("X-Oido-Turn"), expected{p.who, status, quality, p.upstream.name, p.client.name, p.stream, u, f})
}

// is checks the parts of an answer that a case is about.
func (p *pair) is(r *reply, want finish, ok bool) {
	p.Helper()
	if r.finish != want || !ok {
		p.Errorf("want %s, got %+v, usage %+v", want, r, r.usage)
	}
}
