package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// torn are conversations whose calls and results don't fit together, as clients
// leave them that cut a turn, lose an answer or shorten what was said; some with
// ids that not every vendor takes. Everything marked must arrive.
var torn = []struct {
	name string
	said []said
}{
	{"calls that nobody answered", []said{{text: "marked-a"}, calledFor("call_1", "call_2"), {text: "marked-b"}}},
	{"one call of two that nobody answered", []said{{text: "marked-a"}, calledFor("call_1", "call_2"), brought("call_2", "marked-b"), {text: "marked-c"}}},
	{"calls at the end", []said{{text: "marked-a"}, calledFor("call_1", "call_2")}},
	{"a result whose call is gone", []said{{text: "marked-a"}, brought("call_1", "marked-b"), {text: "marked-c"}}},
	{"a result at the beginning", []said{brought("call_1", "marked-a"), {text: "marked-b"}}},
	{"a result after other words", []said{{text: "marked-a"}, calledFor("call_1"), {text: "marked-b"}, brought("call_1", "marked-c"), {text: "marked-d"}}},
	{"a result that came twice", []said{{text: "marked-a"}, calledFor("call_1"), brought("call_1", "marked-b"), brought("call_1", "marked-c"), {text: "marked-d"}}},
	{"ids that were counted anew", []said{{text: "marked-a"}, calledFor("call_1"), brought("call_1", "marked-b"), calledFor("call_1"), brought("call_1", "marked-c"), {text: "marked-d"}}},
	{"an answer that was cut", []said{{text: "marked-a"}, calledFor("call_1"), brought("call_1", "marked-b"), {answer: &reply{text: "marked-c"}, strip: true}, {text: "marked-d"}}},
	{"a long id", []said{{text: "marked-a"}, calledFor(longID), brought(longID, "marked-b")}},
	{"an odd id", []said{{text: "marked-a"}, calledFor("call:1/2 ü"), brought("call:1/2 ü", "marked-b")}},
}

var longID = "call_" + strings.Repeat("0123456789", 9)

// calledFor is an answer of calls, as a client sends it back.
func calledFor(ids ...string) said {
	r := &reply{}
	for _, id := range ids {
		r.calls = append(r.calls, call{id, lookUp.name, `{"what":"x","count":1}`})
	}
	return said{answer: r, strip: true}
}

func brought(id, text string) said {
	return said{results: []result{{id: id, name: lookUp.name, text: text}}}
}

// TestTornConversationsAreMended has every format's clients send conversations to
// strict providers that refuse what doesn't fit together.
func TestTornConversationsAreMended(t *testing.T) {
	t.Parallel()
	l, front := newMovesLab(t)
	n := 1_000_000
	for _, c := range torn {
		for i := range dialects {
			for _, u := range stops {
				for _, stream := range []bool{false, true} {
					n++
					client, whose := &dialects[i], fmt.Sprintf("agent-of-journey-%d", n)
					t.Run(fmt.Sprintf("%s, %s to %s %s, streamed %t", c.name, client.name, u.name, u.thinker, stream), func(t *testing.T) {
						a := ask{
							model: u.name + "/" + u.thinker + "sim-" + moveScript, system: whose, stream: stream, reasons: true,
							said: c.said, tools: []tool{lookUp}, choice: "none",
						}
						x := l.send(t, client, a, nil)
						r, err := client.understand(x, stream)
						sent, _ := front.take(whose)
						if err != nil || x.broken != nil || r.fault != nil || r.finish != finishStop {
							t.Fatalf("%v %v: %s\nto %s", err, x.broken, x.body, sent)
						}
						last := sent[len(sent)-1]
						for _, m := range "abcd" {
							mark := "marked-" + string(m)
							if strings.Contains(marksOf(c.said), mark) && strings.Count(last, mark) != 1 {
								t.Errorf("%s is lost in %s", mark, last)
							}
						}
					})
				}
			}
		}
	}
}

// marksOf joins what must arrive.
func marksOf(all []said) (text string) {
	for _, s := range all {
		text += s.text
		if s.answer != nil {
			text += s.answer.text
		}
		for _, r := range s.results {
			text += r.text
		}
	}
	return text
}
