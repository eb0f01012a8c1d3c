package router_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oidostudio/oido/internal/router"
	"github.com/oidostudio/oido/internal/wire"
)

// turn is a request of a session, with what of it moves a task.
type turn struct {
	words  string // of the user, the last ones
	fresh  bool   // the request ends in them
	change func(*wire.Survey)
	failed bool // how the answer turned out
	want   router.Trigger
}

func begins(words string, want router.Trigger) turn {
	return turn{words: words, fresh: true, want: want}
}

func goes(words string, want router.Trigger, change func(*wire.Survey)) turn {
	return turn{words: words, want: want, change: change}
}

func steps(n int) func(*wire.Survey) { return func(s *wire.Survey) { s.Steps, s.ToolCalls = n, 1 } }
func calls(n int) func(*wire.Survey) { return func(s *wire.Survey) { s.Steps, s.ToolCalls = 1, n } }
func toolFailed(s *wire.Survey)      { s.ToolFailed = true }
func repeated(s *wire.Survey)        { s.Repeats = 1 }

// A session's task moves up once, by what the workload names, stays there, and the
// next task begins below again.
func TestTasksMoveUpAndComeDown(t *testing.T) {
	t.Parallel()
	const proof = "Prove that the square root of two is irrational, and say where the proof would fail for four."
	all := []router.Trigger{router.OnComplex, router.OnToolChain, router.OnFailure, router.OnCorrection}
	for name, c := range map[string]struct {
		on    []router.Trigger
		after int
		turns []turn
	}{
		"many steps": {all, 0, []turn{
			begins("Where is my order?", ""), goes("Where is my order?", "", steps(7)), goes("Where is my order?", router.OnToolChain, steps(8)),
			goes("Where is my order?", router.OnToolChain, steps(1)), begins("Where is my order?", router.OnToolChain), // sent once more
			begins("yes, go on", router.OnToolChain), begins("Now cancel order 88.", ""), goes("Now cancel order 88.", "", steps(2)),
		}},
		"many calls, as many as are asked for": {all, 3, []turn{
			begins("Where is my order?", ""), goes("Where is my order?", "", calls(2)), goes("Where is my order?", router.OnToolChain, calls(3)),
		}},
		"a tool failed":  {all, 0, []turn{begins("Where is it?", ""), goes("Where is it?", router.OnFailure, toolFailed), goes("Where is it?", router.OnFailure, nil)}},
		"the same again": {all, 0, []turn{begins("Where is it?", ""), goes("Where is it?", router.OnFailure, repeated)}},
		"an answer of no use": {all, 0, []turn{
			{words: "Where is it?", fresh: true, failed: true}, begins("continue", router.OnFailure), begins("Now cancel order 88.", ""),
		}},
		"a new task after an answer of no use": {all, 0, []turn{{words: "Where is it?", fresh: true, failed: true}, begins("Now cancel order 88.", "")}},
		"a correction": {all, 0, []turn{
			begins("Where is my order?", ""), begins("No, that's the wrong order.", router.OnCorrection), goes("No, that's the wrong order.", router.OnCorrection, steps(1)),
			begins("Thanks! Now cancel it.", ""),
		}},
		"more than it is for": {all, 0, []turn{begins(proof, router.OnComplex), begins("Where is my order?", "")}},
		"not for that":        {all[1:2], 0, []turn{begins(proof, ""), begins("No, that's wrong.", ""), goes("No, that's wrong.", "", toolFailed), {words: proof, fresh: true, failed: true}, begins("ok", "")}},
		"housekeeping in between": {all, 0, []turn{
			begins("Where is my order?", ""), goes("Where is my order?", router.OnToolChain, steps(8)),
			begins("[SUGGESTION MODE: say what the user may type next]", ""), goes("Where is my order?", router.OnToolChain, steps(2)),
		}},
	} {
		pol := policy()
		pol.Workloads[0].EscalateOn, pol.Workloads[0].EscalateAfter = c.on, c.after
		routes := router.NewRoutes(pol, world(t), days[1])
		var task router.Task
		for i, q := range c.turns {
			d, err := router.Plan(&router.Facts{Model: "workload/support", Task: task, Survey: func() wire.Survey {
				s := wire.Survey{User: []string{q.words}, EndsInUser: q.fresh, EndsInTool: !q.fresh}
				if q.change != nil {
					q.change(&s)
				}
				return s
			}}, routes, router.Now{Time: days[1]})
			if err != nil {
				t.Fatal(err)
			}
			want := "workload: a/small b/mid"
			if q.want != "" {
				want = "workload: a/big a/small b/mid, escalated"
			}
			if got := summary(d); got != want || d.Escalated != q.want {
				t.Errorf("%s, turn %d: %s by %q, want %s by %q", name, i, got, d.Escalated, want, q.want)
			}
			if up := fmt.Sprint(len(d.Up)); (up == "1") != (d.Escalated == "" && len(c.on) == len(all)) {
				t.Errorf("%s, turn %d: %s stronger models stand by", name, i, up)
			}
			task = d.Task
			task.Failed = q.failed
		}
	}
}

// What a user chose is not left for a stronger model.
func TestAChosenModelIsNotLeft(t *testing.T) {
	t.Parallel()
	routes := router.NewRoutes(policy(), world(t), days[1])
	for _, task := range []router.Task{{}, {Began: 1, Escalated: router.OnFailure}} {
		d, err := router.Plan(&router.Facts{
			Model: "workload/support", Task: task, Chosen: chose("b/mid"), Survey: says("go on"),
		}, routes, router.Now{Time: days[1]})
		if got := summary(d); !strings.HasPrefix(got, "workload: b/mid a/") || !strings.HasSuffix(got, ", chosen") || len(d.Up) > 0 || err != nil {
			t.Errorf("%s, %v, %v", got, d.Up, err)
		}
	}
}
