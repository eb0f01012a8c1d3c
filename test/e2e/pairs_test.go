package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// upstream is a kind of provider of a lab.
type upstream struct {
	name string
	// thinker begins the name of a model that reasons: what must be sent back to
	// it depends on its family.
	thinker string
}

// upstreams are the providers of a lab: one for each format, and one that speaks
// Chat and shows its reasoning.
var upstreams = []upstream{
	{"chat", "gpt-5.4-mini-"},
	{"messages", "claude-sonnet-4-5-"},
	{"responses", "gpt-5.4-"},
	{"gemini", "gemini-3-pro-"},
	{"openrouter", "anthropic/claude-sonnet-4-5-"},
}

// families are models whose reasoning is steered and sent back in other ways than
// the thinkers'.
var families = []upstream{
	{"chat", "o4-mini-"},
	{"messages", "claude-sonnet-4-6-"},
	{"messages", "claude-opus-4-7-"},
	{"responses", "o4-mini-"},
	{"gemini", "gemini-2.5-flash-"},
	{"gemini", "gemini-2.5-pro-"},
	{"messages-2", "claude-sonnet-4-5-"}, // with several keys
	{"gemini-2", "gemini-3-pro-"},
	{"compatible", ""}, // reasons in a field that OpenAI doesn't have
	{"deepseek", ""},   // wants the reasoning of all turns back, as text
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
				eachPair(t, l, &b, upstreams, c.run)
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
