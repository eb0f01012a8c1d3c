package e2e

import (
	"fmt"
	"net/http"
	"os"
	"testing"
)

// climbing is a lab whose workloads climb: each from a weak model of its own to a
// strong one.
func climbing(t *testing.T, weak ...string) *lab {
	t.Helper()
	l := newLab(t)
	config, err := os.ReadFile(l.config)
	if err != nil {
		t.Fatal(err)
	}
	l.stop()
	config = append(config, "auto: {confidence: 0.7}\nworkloads:\n"...)
	for _, w := range weak {
		config = fmt.Appendf(config, "  w-%s: {chain: [chat/%[1]s, chat/sim-unasked], escalate: {to: [messages/claude-sonnet-4-5-sim-b20-tools99-think], on: [complex, tool_chain, failure, user_correction]}}\n", w)
	}
	if err := os.WriteFile(l.config, config, 0o600); err != nil {
		t.Fatal(err)
	}
	l.up(t)
	return l
}

// says has a client say something under a workload and returns who answered.
func (l *lab) says(t *testing.T, d *dialect, weak, session string, a ask) (*reply, http.Header) {
	t.Helper()
	a.model = "auto"
	x := l.send(t, d, a, http.Header{"X-Oido-Workload": {"w-" + weak}, "X-Oido-Session": {session}})
	r, err := d.understand(x, a.stream)
	if err != nil || r.fault != nil {
		t.Fatalf("%s: %v %+v %s", d.name, err, r, x.body)
	}
	return r, x.header
}

// TestASupportSessionClimbsAndComesDown: it starts cheap, climbs once when the work
// turns out to take many steps, stays there, and comes back down with the next task.
func TestASupportSessionClimbsAndComesDown(t *testing.T) {
	t.Parallel()
	const weak = "gpt-5.4-mini-sim-tools99"
	l := climbing(t, weak)
	look := []tool{{name: "look_up", schema: object{"type": "object", "properties": object{"parcel": object{"type": "string"}}, "required": list{"parcel"}}}}
	turns := 0
	for i := range dialects {
		d := &dialects[i]
		for _, stream := range []bool{false, true} {
			session := fmt.Sprintf("support-%s-%t", d.name, stream)
			var who []string
			a := ask{stream: stream, reasons: true, limit: 9000}
			ends := func(r *reply, h http.Header) {
				who = append(who, h.Get("X-Oido-Provider"))
				a.said = append(a.said, said{answer: r})
			}
			a.said = append(a.said, said{text: "Where is my order 77?"})
			ends(l.says(t, d, weak, session, a))

			a.tools = look
			a.said = append(a.said, said{text: "Then find out what happened to each of the parcels."})
			for step := range 11 {
				r, h := l.says(t, d, weak, session, a)
				if len(r.calls) == 0 {
					t.Fatalf("%s: no call in step %d: %+v", d.name, step, r)
				}
				ends(r, h)
				var brought []result
				for _, c := range r.calls {
					brought = append(brought, result{id: c.id, name: c.name, text: fmt.Sprintf(`{"parcel":%d}`, step)})
				}
				a.said = append(a.said, said{results: brought})
			}
			// The user goes on with the task, and then begins another.
			a.tools = nil
			ends(l.says(t, d, weak, session, a))
			a.said = append(a.said, said{text: "Thanks. Now change the address of order 78."})
			ends(l.says(t, d, weak, session, a))

			want := "[chat chat chat chat chat chat chat chat chat messages messages messages messages chat]"
			if got := fmt.Sprint(who); got != want {
				t.Errorf("%s, stream %t: answered by %s, want %s", d.name, stream, got, want)
			}
			rows := l.turns(t, turns+len(who))
			for i, p := range who {
				if r := rows[len(who)-1-i]; r.Provider != p || r.Attempts != 1 || r.Status != "ok" {
					t.Errorf("%s, stream %t: row %d: %+v, want %s", d.name, stream, i, r, p)
				}
			}
			turns += len(who)
		}
	}
}

// TestAnswersOfNoUseAreAnsweredByAStrongerModel: what the client has seen nothing of
// is answered anew, at once; what it has, by the next turn of the task.
func TestAnswersOfNoUseAreAnsweredByAStrongerModel(t *testing.T) {
	t.Parallel()
	schema := object{"type": "object", "properties": object{"total": object{"type": "integer"}}, "required": list{"total"}, "additionalProperties": false}
	tools := []tool{{name: "look_up", schema: object{"type": "object", "properties": object{"parcel": object{"type": "string"}}, "required": list{"parcel"}}}}
	cases := []struct {
		weak  string
		ask   ask
		whole bool // only a whole answer can be judged before it is sent
	}{
		{"sim-empty", ask{}, false},
		{"sim-refuse", ask{}, false},
		{"sim-tools9-badargs", ask{tools: tools}, false},
		{"sim-tools9-par3-badargs", ask{tools: tools}, false},
		{"sim-n3-prose", ask{schema: schema}, true},
	}
	var weak []string
	for _, c := range cases {
		weak = append(weak, c.weak)
	}
	l := climbing(t, append(weak, "sim-n4", "sim-tools9")...)
	for i := range dialects {
		d := &dialects[i]
		for _, stream := range []bool{false, true} {
			for _, c := range cases {
				a, session := c.ask, fmt.Sprintf("%s-%s-%t", c.weak, d.name, stream)
				a.stream = stream
				a.said = []said{{text: "How many are there?"}}
				r, h := l.says(t, d, c.weak, session, a)
				provider, attempts := "messages", "2"
				if stream && c.whole {
					provider, attempts = "chat", "1"
				}
				if h.Get("X-Oido-Provider") != provider || h.Get("X-Oido-Attempts") != attempts || r.refusal != "" || r.text == "" && len(r.calls) == 0 {
					t.Errorf("%s: %+v by %v", session, r, h)
				}
				a.said = append(a.said, said{answer: r}, said{text: "go on"})
				if _, h := l.says(t, d, c.weak, session, a); h.Get("X-Oido-Provider") != "messages" || h.Get("X-Oido-Attempts") != "1" {
					t.Errorf("%s, the next turn: by %v", session, h)
				}
			}
			// What is of use stays where it is.
			for weak, a := range map[string]ask{"sim-n4": {}, "sim-tools9": {tools: tools}} {
				a.stream, a.said = stream, []said{{text: "How many are there?"}}
				if _, h := l.says(t, d, weak, fmt.Sprint(weak, d.name, stream), a); h.Get("X-Oido-Provider") != "chat" || h.Get("X-Oido-Attempts") != "1" {
					t.Errorf("%s, %s, stream %t: by %v", weak, d.name, stream, h)
				}
			}
		}
	}
}
