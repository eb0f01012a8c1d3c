package e2e

import (
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
)

// whyLast is what is told of the latest turn.
func (l *lab) whyLast(t *testing.T, n int) string {
	t.Helper()
	out, errOut, status := l.command(t, "why", l.turns(t, n)[0].ID)
	if status != 0 {
		t.Fatal(errOut)
	}
	return out
}

// TestRulesSeeTheConversation: what the user wrote, what there is besides text, and
// how far the conversation is, in all client formats.
func TestRulesSeeTheConversation(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	write := l.more(t)
	l.stop()
	write(`
workloads:
  refunds: {when: 'text.matches("(?i)\\brefund\\b") && !images', chain: chat/sim}
  pictures: {when: images, chain: [messages/sim, gemini/sim]}
  long: {when: 'turns > 2', chain: gemini/sim}
  rest: {when: "true", chain: responses/sim}
`)
	l.up(t)
	l.ready(t)
	n := 0
	for i := range dialects {
		d := &dialects[i]
		first := ask{model: "chat/sim", said: []said{{text: "I want a refund."}}}
		before, err := d.understand(l.send(t, d, first, nil), false)
		if err != nil {
			t.Fatal(err)
		}
		n++
		for _, c := range []struct {
			name, workload string
			said           []said
		}{
			{"text", "refunds", []said{{text: "I want a REFUND for order 7."}}},
			{"an image", "pictures", []said{{text: "Is this worth a refund?", media: []media{{kind: "image/png", base64: png}}}}},
			{"what was said before", "long", []said{{text: "I want a refund."}, {answer: before}, {text: "Thanks, and the address?"}}},
			{"nothing of these", "rest", []said{{text: "Where are you?"}}},
		} {
			x := l.send(t, d, ask{model: "auto", said: c.said}, nil)
			n++
			if got := x.header.Get("X-Oido-Workload"); x.status != http.StatusOK || got != c.workload {
				t.Errorf("%s, %s: %d of %q, want %q: %s", d.name, c.name, x.status, got, c.workload, x.body)
			}
			if told := l.whyLast(t, n); !strings.HasPrefix(told, "The request is of the workload "+c.workload+": its rule holds. ") {
				t.Errorf("%s, %s: %s", d.name, c.name, told)
			}
		}
	}
}

// TestAutoFindsTheClass: by what is certain and by what the classifier is sure of at
// the confidence that nobody configured.
func TestAutoFindsTheClass(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	write := l.more(t)
	l.stop()
	write(`
classes:
  high_volume: {chain: chat/sim}
  interactive: {chain: responses/sim}
  reasoning: {chain: messages/sim}
  long_context: {chain: [gemini/sim, gemini/gemini-3.8-flash]}
`)
	l.up(t)
	l.ready(t)
	hash := regexp.MustCompile(`by the classifier [0-9a-f]{16}, which is (8|9)\d % sure: `)
	for i, c := range []struct{ text, class, why string }{
		{"Please write a 5-10 word title for the following conversation:\n\nUser: my parcel is late", "high_volume", "housekeeping"},
		{"Classify the sentiment of each review as positive, negative or neutral. Return only the label for each line.\n1. great phone\n2. broke after a day", "high_volume", ""},
		{"Prove that there are infinitely many primes congruent to 3 modulo 4, step by step, and justify each step rigorously.", "reasoning", ""},
		{"Hi! How was your day?", "interactive", ""},
		{strings.Repeat("The quick brown fox jumps over the lazy dog. ", 22_000), "long_context", "tokens"},
	} {
		body, err := json.Marshal(object{"model": "auto", "messages": list{object{"role": "user", "content": c.text}}})
		if err != nil {
			t.Fatal(err)
		}
		status, header, answer := l.sendTo(t, "/v1/chat/completions", string(body))
		if status != 200 {
			t.Fatalf("%.40s: %d %.900s", c.text, status, answer)
		}
		told := l.whyLast(t, i+1)
		if got := header.Get("X-Oido-Class"); got != c.class {
			t.Errorf("%.40s: of %q, want %q: %s", c.text, got, c.class, told)
		}
		switch {
		case c.why != "":
			if !strings.Contains(told, c.why) || strings.Contains(told, "classifier") {
				t.Errorf("%.40s: want %q: %s", c.text, c.why, told)
			}
		case c.class != "interactive" && !hash.MatchString(told):
			t.Errorf("%.40s: no classifier: %s", c.text, told)
		}
	}
}

// TestWhyItClimbed: an answer of no use is told of, and the stronger model with its
// price; so is what had the next turn begin with it.
func TestWhyItClimbed(t *testing.T) {
	t.Parallel()
	l := climbing(t, "sim-empty")
	a := ask{model: "auto", said: []said{{text: "How many are there?"}}}
	l.says(t, &dialects[0], "sim-empty", "one", a)
	told := l.whyLast(t, 1)
	for _, want := range []string{
		"a stronger model is asked: messages/sim-b20-tools99-think (",
		"chat/sim-empty failed after T (its answer was of no use), so the stronger messages/sim-b20-tools99-think answered after T",
	} {
		if !strings.Contains(steady(told), want) {
			t.Errorf("no %q: %s", want, steady(told))
		}
	}
	var w struct {
		Escalated *string `json:"escalated"`
	}
	_, b := l.manageAs(t, key, "GET", "/api/v1/turns/"+l.turns(t, 1)[0].ID+"/why", "")
	if err := json.Unmarshal(b, &w); err != nil || value(w.Escalated) != "failure" {
		t.Errorf("%v %s", err, b)
	}
	l.says(t, &dialects[0], "sim-empty", "one", ask{model: "auto", said: append(slices.Clone(a.said), said{answer: &reply{text: "none"}}, said{text: "go on"})})
	if told := l.whyLast(t, 2); !strings.Contains(told, "The task ran into failures, so the stronger models come first until the next one.") {
		t.Error(told)
	}
}

// TestOneKeyIsEnough: with one provider connected, whichever, every workload and
// class that nobody configured has a model.
func TestOneKeyIsEnough(t *testing.T) {
	t.Parallel()
	const said = "has a tier and a known price"
	sim := start(t, "sim", "--listen", "127.0.0.1:0")
	for provider, base := range map[string]string{"anthropic": "/anthropic", "gemini": "/gemini", "deepseek": "/deepseek", "openai": "/openai/v1"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			l := &lab{config: dir + "/oido.yaml", data: dir + "/data", sim: sim.url}
			config := fmt.Sprintf("keys: [{key: %s, org: acme, user: ada, role: admin}]\nproviders: {%s: {base_url: %q, api_key: k}}\n", key, provider, sim.url+base)
			if err := os.WriteFile(l.config, []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			l.up(t)
			l.ready(t)
			for _, name := range []string{
				"workload/wiki-ingest", "workload/support", "workload/coding", "workload/research", "workload/review", "workload/extraction", "workload/classification",
				"workload/chat", "class/high_volume", "class/interactive", "class/reasoning", "class/long_context", "auto",
			} {
				_, b := l.manageAs(t, key, "POST", "/api/v1/route/explain", hello(name, false))
				w, err := read[told](b)
				if provider == "openai" { // at an address of its own it is any server that speaks its formats
					if w.Refused == nil || w.Refused.Status != http.StatusServiceUnavailable || !strings.Contains(w.Refused.Message, said) {
						t.Errorf("%s: %s", name, b)
					}
					continue
				}
				if err != nil || len(w.Candidates) == 0 {
					t.Errorf("%s: %v %s", name, err, b)
				}
			}
		})
	}
}
